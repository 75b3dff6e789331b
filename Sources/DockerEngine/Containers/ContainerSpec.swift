/// What a container is to be.
///
/// The defaults are the safe ones: no capabilities, no new privileges, a bound on processes and on
/// the log, no swap beyond the memory limit, never restarted by the daemon.
package struct ContainerSpec: Sendable, Hashable {
    /// A file or folder of the host inside the container.
    package struct Mount: Sendable, Hashable {
        /// The absolute path on the host; it must exist.
        package var source: String
        /// The absolute path in the container.
        package var target: String
        /// True when the container may not write there.
        package var readOnly: Bool

        /// Creates a mount, read-only unless told otherwise.
        package init(source: String, target: String, readOnly: Bool = true) {
            self.source = source
            self.target = target
            self.readOnly = readOnly
        }
    }

    /// A folder in memory.
    package struct Tmpfs: Sendable, Hashable {
        /// The absolute path in the container.
        package var target: String
        /// The most it may hold, in bytes; nil: half the host's memory.
        package var sizeBytes: Int64?
        /// Permission bits.
        package var mode: UInt16

        /// Creates a folder in memory.
        package init(target: String, sizeBytes: Int64? = nil, mode: UInt16 = 0o1777) {
            self.target = target
            self.sizeBytes = sizeBytes
            self.mode = mode
        }
    }

    /// A folder on the daemon's disk that lives and ends with the container.
    ///
    /// It begins with what the image has at its path, and files can be put into it even where the root
    /// folder is read-only.
    package struct Volume: Sendable, Hashable {
        /// The absolute path in the container.
        package var target: String
        /// Labels, to find it by should the daemon lose its container.
        package var labels: [String: String]

        /// Creates a folder on the daemon's disk.
        package init(target: String, labels: [String: String] = [:]) {
            self.target = target
            self.labels = labels
        }
    }

    /// A device file of the host.
    package struct Device: Sendable, Hashable {
        /// Its path on the host.
        package var pathOnHost: String
        /// Its path in the container.
        package var pathInContainer: String
        /// Any of `r`, `w` and `m` (make).
        package var permissions: String

        /// Creates a device with the same path on both sides unless told otherwise.
        package init(_ path: String, pathInContainer: String? = nil, permissions: String = "rw") {
            self.pathOnHost = path
            self.pathInContainer = pathInContainer ?? path
            self.permissions = permissions
        }
    }

    /// The image: a reference or, better, its id.
    package var image: String
    /// The command; nil: the image's.
    package var command: [String]?
    /// The entry point; nil: the image's; empty: none.
    package var entrypoint: [String]?
    /// Environment variables.
    package var env: [String: String] = [:]
    /// Labels.
    package var labels: [String: String] = [:]
    /// The network to join, or `none` or `host`; nil: the daemon's default bridge.
    package var networkName: String?
    /// More names for it on its network.
    package var networkAliases: [String] = []
    /// The most memory, in bytes; nil: no limit.
    package var memoryLimit: Int64?
    /// Whether it may have as much swap on top of that as the machine has.
    package var maySwap = false
    /// The most processes and threads; 0: no limit.
    package var pidsLimit: Int64 = 4096
    /// Files and folders of the host.
    package var mounts: [Mount] = []
    /// Folders in memory.
    package var tmpfs: [Tmpfs] = []
    /// Folders on the daemon's disk.
    package var volumes: [Volume] = []
    /// Device files.
    package var devices: [Device] = []
    /// Devices by their names of the container device interface, such as `nvidia.com/gpu=all`.
    package var cdiDevices: [String] = []
    /// Limits of its processes by name, such as `nofile`; -1: none.
    package var ulimits: [String: Int64] = [:]
    /// More groups for its user, such as `video`.
    package var groups: [String] = []
    /// The size of /dev/shm in bytes; nil: the daemon's 64 MiB.
    package var shmSize: Int64?
    /// True to take all capabilities away.
    package var capDropAll = true
    /// True to keep setuid programs from gaining rights.
    package var noNewPrivileges = true
    /// True to run a small init as process 1, so that signals work and zombies are reaped.
    package var initProcess = true
    /// The runtime, such as `nvidia`; nil: the daemon's default.
    package var runtime: String?
    /// The user, as `name`, `uid` or `uid:gid`; nil: the image's.
    package var user: String?
    /// True to make its root folder read-only; then files can be put into its volumes only.
    package var readOnlyRootfs = false
    /// The folder the command starts in; nil: the image's.
    package var workingDir: String?
    /// The most bytes of one log file the daemon keeps.
    package var logMaxSize: Int64 = 10 * 1024 * 1024
    /// How many log files the daemon keeps.
    package var logMaxFiles: Int = 3
    /// Seconds between SIGTERM and SIGKILL when the daemon itself stops it; nil: ten.
    package var stopTimeout: Int?

    /// Creates a specification with the safe defaults.
    package init(image: String, command: [String]? = nil) {
        self.image = image
        self.command = command
    }
}
