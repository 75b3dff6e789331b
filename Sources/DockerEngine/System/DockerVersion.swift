/// What the daemon says about its API.
package struct DockerVersion: Sendable, Hashable {
    /// The version this client uses with the daemon.
    package var negotiated: APIVersion
    /// The newest version the daemon speaks.
    package var newest: APIVersion
    /// The daemon's name and version, such as `Docker/20.10.24 (linux)`.
    package var server: String
    /// The kind of containers it runs, such as `linux`.
    package var osType: String

    /// Creates a description.
    package init(
        negotiated: APIVersion, newest: APIVersion, server: String = "", osType: String = "linux"
    ) {
        self.negotiated = negotiated
        self.newest = newest
        self.server = server
        self.osType = osType
    }
}

/// What the daemon says about itself and its host.
package struct EngineInfo: Sendable, Hashable {
    /// The engine's version, such as `20.10.24`.
    package var serverVersion: String = ""
    /// The names of the runtimes it can use, sorted; `nvidia` is among them on a prepared Jetson.
    package var runtimes: [String] = []
    /// The runtime of containers that name none.
    package var defaultRuntime: String = ""
    /// The host's memory in bytes.
    package var memTotal: Int64 = 0
    /// The host's processors.
    package var ncpu: Int = 0
    /// `1` or `2`; empty when the daemon does not tell.
    package var cgroupVersion: String = ""
    /// Where the daemon keeps images and containers.
    package var rootDir: String = ""
    /// The machine, such as `aarch64`.
    package var architecture: String = ""
    /// The kernel's release.
    package var kernelVersion: String = ""
    /// The storage driver, such as `overlay2`.
    package var storageDriver: String = ""
    /// The devices it can give by name (CDI), such as `nvidia.com/gpu=all`; told since engine 28.
    package var cdiDevices: [String] = []
    /// True when containers outlive the daemon.
    package var liveRestore: Bool = false

    /// Creates an empty description.
    package init() {}

    init(json: JSONValue) {
        serverVersion = json["ServerVersion"].string ?? ""
        runtimes = json["Runtimes"].members.keys.sorted()
        defaultRuntime = json["DefaultRuntime"].string ?? ""
        memTotal = json["MemTotal"].int64 ?? 0
        ncpu = json["NCPU"].int ?? 0
        cgroupVersion = json["CgroupVersion"].string ?? ""
        rootDir = json["DockerRootDir"].string ?? ""
        architecture = json["Architecture"].string ?? ""
        kernelVersion = json["KernelVersion"].string ?? ""
        storageDriver = json["Driver"].string ?? ""
        cdiDevices = json["DiscoveredDevices"].elements.filter { $0["Source"].string == "cdi" }
            .compactMap { $0["ID"].string }.sorted()
        liveRestore = json["LiveRestoreEnabled"].bool ?? false
    }
}
