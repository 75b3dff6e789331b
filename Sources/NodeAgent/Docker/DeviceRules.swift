import DockerEngine

/// The devices that containers of this node may have, whoever asks.
///
/// Cameras, sound, the GPU, and what is wired to a board. Disks and memory are not among them.
struct DeviceRules: Sendable, Hashable {
    /// Paths that the node's settings name, beyond the usual ones.
    var more: [String] = []

    /// What names right below /dev begin with.
    private static let prefixes = [
        "video", "media", "v4l-subdev", "nvidia", "nvhost-", "ttyACM", "ttyUSB", "ttyTHS", "ttyTCU",
        "ttyAMA", "ttyS", "i2c-", "spidev", "gpiochip", "hidraw",
    ]
    private static let names: Set<String> = ["nvmap"]
    /// Folders below /dev, for whatever is in them; `serial` holds links to ports by their makers' names.
    private static let folders = [
        "v4l", "snd", "dri", "nvgpu", "nvidia-caps", "input", "bus/usb", "serial",
    ].map(\.pathParts)

    /// Whether a path is that of such a device; where links lead is to be asked of their ends.
    func allows(_ path: String) -> Bool {
        guard Self.isDevicePath(path) else { return false }
        if more.contains(path) { return true }
        let parts = path.pathParts.dropFirst(2)
        guard let name = parts.first else { return false }
        if parts.count == 1 {
            return Self.names.contains(name)
                || Self.prefixes.contains { name.hasPrefix($0) && name != $0 }
        }
        return Self.folders.contains { parts.count > $0.count && parts.starts(with: $0) }
    }

    /// Whether a path is plainly below /dev.
    static func isDevicePath(_ path: String) -> Bool {
        let parts = path.pathParts
        return path.utf8.count <= 256 && parts.count > 2 && parts.starts(with: ["", "dev"])
            && parts.dropFirst().allSatisfy { !["", ".", ".."].contains($0) }
            && path.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
