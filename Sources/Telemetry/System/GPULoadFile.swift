/// The file in which a Jetson's kernel tells how busy the GPU is.
struct GPULoadFile: Sendable, Hashable {
    /// Within the tree.
    let path: String

    /// Where releases of L4T have it.
    private static let fixed = ["/sys/devices/gpu.0/load", "/sys/devices/platform/gpu.0/load"]
    /// What the device tree calls the GPU of TX2, Xavier, Orin and Thor, and of some L4T versions.
    private static let deviceNames: Set<String> = ["gp10b", "gv11b", "ga10b", "gb10b", "gpu"]

    /// Looks for it; nil where there is none, as on Thor.
    init?(in tree: SystemTree) {
        let devices = "/sys/class/devfreq"
        let found = tree.names(devices).map { "\(devices)/\($0)/device" }.filter { device in
            // Texts of the device tree end with a zero.
            guard let name = tree.line("\(device)/of_node/name") else { return false }
            return Self.deviceNames.contains(name.filter { $0 != "\0" })
        }
        let paths = Self.fixed + found.map { $0 + "/load" }
        guard let path = paths.first(where: { tree.number($0) != nil }) else { return nil }
        self.path = path
    }

    /// The use, 0…1; the file has it per mille.
    func read(_ tree: SystemTree) -> Double? {
        guard let load = tree.number(path), (0...1000).contains(load) else { return nil }
        return Double(load) / 1000
    }
}
