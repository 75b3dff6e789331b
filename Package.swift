// swift-tools-version: 6.2
import PackageDescription

// One set of rules for every Swift target: the strictest the toolchain offers, and warnings are errors.
let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioConcurrency = Target.Dependency.product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioFoundation = Target.Dependency.product(name: "NIOFoundationCompat", package: "swift-nio")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let collections = Target.Dependency.product(name: "Collections", package: "swift-collections")
let httpClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let http1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let lifecycle = Target.Dependency.product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let arguments = Target.Dependency.product(
    name: "ArgumentParser", package: "swift-argument-parser")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let sqlite = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

let package = Package(
    name: "jessica",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "spark-controller", targets: ["spark-controller"]),
        .executable(name: "fleet-agent", targets: ["fleet-agent"]),
        .executable(name: "jctl", targets: ["jctl"]),
        .executable(name: "fleet-sim", targets: ["fleet-sim"]),
        .executable(name: "fleet-bench", targets: ["fleet-bench"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-collections.git", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-argument-parser.git", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-crypto.git", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-certificates.git", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-asn1.git", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-nio-ssl.git", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-http-types.git", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-nio-extras.git", from: "1.35.2"),
        .package(url: "https://github.com/hummingbird-project/hummingbird.git", from: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client.git", from: "1.37.0"),
        .package(
            url: "https://github.com/swift-server/swift-service-lifecycle.git", from: "2.13.0"),
        .package(url: "https://github.com/jpsim/Yams.git", from: "6.2.2"),
        .package(url: "https://github.com/groue/GRDB.swift.git", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-system.git", from: "1.8.1"),
        // Without its trait: what it has for Foundation would only make the binary larger.
        .package(
            url: "https://github.com/swiftlang/swift-subprocess.git", from: "1.0.2", traits: []),
    ],
    targets: [
        // C libraries, used as codecs over memory; they never own a socket.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(
            name: "CHiredis", pkgConfig: "hiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(
            name: "CProtobufC", pkgConfig: "libprotobuf-c", providers: [.apt(["libprotobuf-c-dev"])]
        ),
        .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
        .target(name: "CFleetMessages", dependencies: ["CProtobufC"]),

        // The core: pure, no I/O, no clock, no Foundation.
        .target(name: "FleetCore", dependencies: [collections], swiftSettings: swift),

        // The edges. None imports another.
        .target(
            name: "FleetWire", dependencies: ["FleetCore", "CFleetMessages", "CProtobufC"],
            swiftSettings: swift),
        .target(
            name: "FleetLink",
            dependencies: ["COpenSSL", nioCore, nioPosix, nioConcurrency, logging],
            swiftSettings: swift),
        .target(
            name: "RedisStore",
            dependencies: [
                "FleetCore", "CHiredis", "CZlib", nioCore, nioPosix, nioConcurrency, logging,
                crypto,
            ],
            swiftSettings: swift),
        .target(
            name: "DockerEngine",
            dependencies: [httpClient, nioCore, nioPosix, nioFoundation, http1, logging],
            swiftSettings: swift),
        .target(
            name: "WorkerContracts",
            dependencies: [httpClient, nioCore, nioPosix, nioFoundation, http1, logging],
            swiftSettings: swift),
        .target(
            name: "ObjectStore",
            dependencies: [httpClient, nioCore, nioPosix, nioFoundation, http1, logging, crypto],
            swiftSettings: swift),

        .target(
            name: "Telemetry", dependencies: [subprocess, system], swiftSettings: swift),

        .target(name: "JobCatalogue", dependencies: ["FleetCore", sqlite], swiftSettings: swift),

        // What the shells share: settings, YAML with lines, metrics, limits of time, systemd.
        .target(
            name: "Settings",
            dependencies: [logging, .product(name: "Yams", package: "Yams")],
            swiftSettings: swift),

        // The shells. They hold no decisions.
        .target(
            name: "ControlPlane",
            dependencies: [
                "FleetCore", "FleetWire", "FleetLink", "RedisStore", "ObjectStore", "JobCatalogue",
                "Settings", logging,
                lifecycle, nioCore, nioPosix, http1, crypto, collections,
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "X509", package: "swift-certificates"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "HTTPTypes", package: "swift-http-types"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
                nioFoundation, httpClient, nioConcurrency, arguments,
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swift),
        .target(
            name: "NodeAgent",
            dependencies: [
                "FleetCore", "FleetWire", "FleetLink", "DockerEngine", "WorkerContracts",
                "Settings", "Telemetry",
                logging,
                lifecycle, nioCore, nioPosix, nioFoundation, nioConcurrency, http1, httpClient,
                crypto,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: swift),
        .target(
            name: "Commands",
            dependencies: [
                "CZlib", arguments, crypto, httpClient, nioCore, nioPosix, nioFoundation, http1,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swift),

        // The whole fleet in a deterministic world.
        .target(
            name: "FleetSim", dependencies: ["FleetCore", "FleetWire", collections, arguments],
            swiftSettings: swift),

        // What the hot parts cost.
        .target(
            name: "FleetBench",
            dependencies: [
                "FleetCore", "FleetWire", "FleetLink", "FleetSim", "JobCatalogue", "RedisStore",
                arguments, nioCore,
            ],
            swiftSettings: swift),

        .executableTarget(
            name: "spark-controller", dependencies: ["ControlPlane", arguments],
            swiftSettings: swift),
        .executableTarget(
            name: "fleet-agent", dependencies: ["NodeAgent", arguments], swiftSettings: swift),
        .executableTarget(name: "jctl", dependencies: ["Commands"], swiftSettings: swift),
        .executableTarget(name: "fleet-sim", dependencies: ["FleetSim"], swiftSettings: swift),
        .executableTarget(
            name: "fleet-bench", dependencies: ["FleetBench", "FleetSim"], swiftSettings: swift),

        // Tests, one target for each target under test.
        .testTarget(
            name: "FleetCoreTests", dependencies: ["FleetCore", collections], swiftSettings: swift),
        .testTarget(
            name: "FleetSimTests", dependencies: ["FleetCore", "FleetSim"],
            exclude: ["Regressions"], swiftSettings: swift),
        .testTarget(
            name: "FleetWireTests", dependencies: ["FleetCore", "FleetWire"], swiftSettings: swift),
        .testTarget(
            name: "FleetLinkTests",
            dependencies: ["FleetLink", "COpenSSL", nioCore, nioPosix, nioEmbedded, logging],
            swiftSettings: swift),
        .testTarget(
            name: "RedisStoreTests",
            dependencies: ["FleetCore", "RedisStore", nioCore, nioPosix, logging, crypto],
            swiftSettings: swift),
        .testTarget(
            name: "DockerEngineTests",
            dependencies: ["DockerEngine", httpClient, nioCore, nioPosix, logging],
            swiftSettings: swift),
        .testTarget(
            name: "WorkerContractsTests",
            dependencies: [
                "WorkerContracts", httpClient, nioCore, nioPosix, http1, logging,
                nioEmbedded,
            ],
            swiftSettings: swift),
        .testTarget(
            name: "ObjectStoreTests",
            dependencies: ["ObjectStore", httpClient, nioCore, nioPosix, http1, crypto, logging],
            swiftSettings: swift),
        .testTarget(
            name: "TelemetryTests", dependencies: ["Telemetry"], exclude: ["Samples"],
            swiftSettings: swift),
        .testTarget(
            name: "JobCatalogueTests", dependencies: ["JobCatalogue", "FleetCore", sqlite],
            swiftSettings: swift),
        .testTarget(name: "SettingsTests", dependencies: ["Settings"], swiftSettings: swift),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "FleetCore", "FleetLink", "FleetWire", "JobCatalogue",
                "ObjectStore", "RedisStore", "Settings", arguments, collections, logging, nioCore,
                nioEmbedded, nioFoundation, nioPosix,
                http1, httpClient, crypto,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdCore", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "NodeAgentTests",
            dependencies: [
                "NodeAgent", "FleetCore", "FleetLink", "FleetWire", "DockerEngine",
                "WorkerContracts", "Settings", "Telemetry", logging, nioCore, nioPosix, http1,
                httpClient,
                crypto,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
            ],
            swiftSettings: swift),
        .testTarget(
            name: "CommandsTests",
            dependencies: [
                "Commands", arguments, nioCore, nioPosix, http1,
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: swift),
    ]
)
