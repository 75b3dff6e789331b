/// The control groups of Docker's containers: what a container uses, and whether anything of it still runs.
///
/// Read as anybody may, without Docker and without looking at other users' processes; both versions of
/// control groups, made by systemd or by Docker itself (docs.docker.com, "Runtime metrics").
package struct ControlGroups: Sendable, Hashable {
    private let tree: SystemTree

    private static let root = "/sys/fs/cgroup"

    /// Takes the machine's files.
    package init(tree: SystemTree = SystemTree()) { self.tree = tree }

    /// What a container has used and uses.
    struct Use: Hashable, Sendable {
        /// Processor time since its start, in nanoseconds.
        var processor: UInt64?
        /// Bytes of memory, without what the kernel would give back at once.
        var memory: UInt64?
    }

    /// What the container uses; empty when it has no control group here.
    func use(of container: String) -> Use {
        guard Self.isIdentifier(container) else { return Use() }
        for folder in Self.folders(Self.root, container) {
            if let current = tree.number("\(folder)/memory.current") {
                let spent = value("usage_usec", in: "\(folder)/cpu.stat")
                let (processor, overflow) =
                    spent?.multipliedReportingOverflow(by: 1_000) ?? (0, true)
                return Use(
                    processor: overflow ? nil : processor,
                    memory: net(current, "inactive_file", "\(folder)/memory.stat"))
            }
        }
        var use = Use()
        for folder in Self.folders("\(Self.root)/memory", container) {
            guard let current = tree.number("\(folder)/memory.usage_in_bytes") else { continue }
            use.memory = net(current, "total_inactive_file", "\(folder)/memory.stat")
        }
        for controller in ["cpuacct", "cpu,cpuacct"] where use.processor == nil {
            for folder in Self.folders("\(Self.root)/\(controller)", container) {
                guard let spent = tree.number("\(folder)/cpuacct.usage") else { continue }
                use.processor = UInt64(exactly: spent)
            }
        }
        return use
    }

    /// Whether a process of the container is still there, also one that Docker knows no more of.
    package func hasProcesses(of container: String) -> Bool {
        guard Self.isIdentifier(container) else { return false }
        let roots = ["", "/memory", "/pids", "/devices"].map { Self.root + $0 }
        return roots.contains { root in
            Self.folders(root, container).contains {
                tree.line("\($0)/cgroup.procs") != nil
            }
        }
    }

    /// Bytes in use without the page cache that is not needed, as Docker counts.
    private func net(_ current: Int64, _ cache: String, _ file: String) -> UInt64? {
        guard let current = UInt64(exactly: current) else { return nil }
        let cached = value(cache, in: file) ?? 0
        return cached < current ? current - cached : 0
    }

    /// A number of a file with lines of a name and a number.
    private func value(_ name: String, in file: String) -> UInt64? {
        for line in (tree.text(file) ?? "").split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 2, words[0] == name { return UInt64(words[1]) }
        }
        return nil
    }

    /// Where the group of a container is, by who made it.
    private static func folders(_ root: String, _ container: String) -> [String] {
        ["\(root)/system.slice/docker-\(container).scope", "\(root)/docker/\(container)"]
    }

    /// Whether it can be a part of a path: Docker's ids are 64 hexadecimal digits.
    private static func isIdentifier(_ text: String) -> Bool {
        text.utf8.count == 64
            && text.utf8.allSatisfy {
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains($0)
            }
    }
}
