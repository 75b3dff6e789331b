import DockerEngine

/// Which folders of the machine containers may see.
enum MountRules {
    /// Folders of the system, with all that is below them.
    private static let closed = [
        "/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root",
        "/run", "/sbin", "/sys", "/usr/bin", "/usr/etc", "/usr/lib", "/usr/lib32", "/usr/lib64",
        "/usr/libexec", "/usr/sbin", "/var/lib/docker", "/var/run",
    ].map(parts)
    /// Folders that hold everybody's, but not what is below them.
    private static let roots = [
        "/", "/home", "/usr", "/usr/local", "/usr/share", "/var", "/var/lib",
    ].map(parts)

    /// Why containers must not see a folder: `is a folder of the system`; nil when they may.
    ///
    /// `secrets` are what no folder that they see may hold, such as Docker's socket.
    static func refusal(of path: String, holding secrets: [String]) -> String? {
        let folder = parts(path)
        guard path.isAbsolutePath, !folder.contains("..") else {
            return "is no absolute path without .."
        }
        if roots.contains(folder) || closed.contains(where: { folder.starts(with: $0) }) {
            return "is a folder of the system"
        }
        for secret in secrets {
            let place = parts(secret)
            if place.starts(with: folder) { return "holds \(secret)" }
            if folder.starts(with: place) { return "is in \(secret)" }
        }
        return nil
    }

    private static func parts(_ path: String) -> [String] {
        path.pathParts.filter { !$0.isEmpty && $0 != "." }
    }
}
