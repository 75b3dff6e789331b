import NIOCore
import Testing

@testable import DockerEngine

@Suite("Networks on a real engine", .timeLimit(.minutes(5)))
struct NetworkTests {
    private func withName(_ body: (DockerEngine, String) async throws -> Void) async throws {
        try await withDocker { engine, _ in
            // Not ending in the number: a shorter name must not be another test's.
            let name = SharedDocker.uniqueName("net") + "-x"
            do {
                try await body(engine, name)
            } catch {
                try? await engine.removeNetwork(name)
                throw error
            }
            try await engine.removeNetwork(name)
            #expect(try await engine.inspectNetwork(name) == nil)
        }
    }

    @Test("makes, adopts, lists and removes")
    func life() async throws {
        try await withName { engine, name in
            #expect(try await engine.inspectNetwork(name) == nil)
            let labels = ["jt": name, "other": "1"]
            let made = try await engine.ensureNetwork(name: name, labels: labels)
            #expect(made.name == name && made.labels == labels && !made.isInternal)
            #expect(made.gateway?.split(separator: ".").count == 4)
            #expect(try await engine.ensureNetwork(name: name, labels: ["jt": name]) == made)
            #expect(try await engine.listNetworks(labels: ["jt": name]) == [made])
            #expect(try await engine.listNetworks(labels: ["jt": "x"]).isEmpty)
            // The beginning of an id or a name is not a name.
            #expect(try await engine.inspectNetwork(String(made.id.prefix(12))) == nil)
            #expect(try await engine.inspectNetwork(String(name.dropLast())) == nil)
            let code = await failureCode {
                try await engine.ensureNetwork(name: name, labels: ["jt": "else"])
            }
            #expect(code == .conflict)
            try await engine.removeNetwork(name)
            try await engine.removeNetwork(name)
        }
    }

    @Test("many callers get the same one network")
    func concurrent() async throws {
        try await withName { engine, name in
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        try await engine.ensureNetwork(name: name, labels: ["jt": name]).id
                    }
                }
                return try await group.reduce(into: Set<String>()) { $0.insert($1) }
            }
            let left = try await engine.listNetworks(labels: ["jt": name])
            #expect(left.count == 1)
            #expect(ids == Set(left.map(\.id)))
        }
    }

    @Test("containers join it with an address and find each other; it is not removed meanwhile")
    func join() async throws {
        try await withName { engine, name in
            _ = try await engine.ensureNetwork(name: name, labels: ["jt": name], internal: true)
            try await withContainer(
                "busybox sleep 600",
                change: {
                    $0.networkName = name
                    $0.networkAliases = ["service"]
                }
            ) { engine, id in
                try await engine.start(id)
                let address = try #require(try await engine.inspect(id)?.ipAddresses[name])
                try await withContainer(
                    "busybox nslookup service 127.0.0.11", change: { $0.networkName = name }
                ) { engine, other in
                    try await engine.start(other)
                    _ = try await engine.wait(other)
                    #expect(try await output(engine, other).out.contains(address))
                }
                #expect(await failureCode { try await engine.removeNetwork(name) } == .conflict)
            }
        }
    }
}
