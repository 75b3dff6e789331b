/// The judgement of names in archives that come from a container.
enum ArchivePath {
    private static let depthMax = 32
    private static let bytesMax = 1024

    /// The components of a name below the destination, without the archive's root folder.
    ///
    /// The daemon packs `/job/outputs` as `outputs/…`, so the first component is dropped when it is
    /// the root and something follows it or it is a folder. Empty: the root itself.
    ///
    /// - Throws: `.archiveRejected` for a name that is absolute, climbs up, is too deep or long, or
    ///   holds control characters. No archive of the daemon has such names, so the whole is refused.
    static func components(
        _ name: String, kind: TarEntryKind, root: String
    ) throws(DockerError) -> [String] {
        guard !name.isEmpty, name.utf8.count <= bytesMax else {
            throw refused("a name of \(name.utf8.count) bytes")
        }
        guard name.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7f }) else {
            throw refused("a name with control characters")
        }
        guard !name.isAbsolutePath else { throw refused("an absolute name: \(name)") }
        var parts = name.pathParts.filter { !$0.isEmpty && $0 != "." }
        guard !parts.contains("..") else { throw refused("a name that climbs up: \(name)") }
        guard parts.allSatisfy({ $0.utf8.count <= 255 }) else {
            throw refused("a name with an overlong part")
        }
        guard parts.count <= depthMax else { throw refused("folders nested too deeply") }
        if parts.first == root, parts.count > 1 || kind == .directory { parts.removeFirst() }
        return parts
    }

    private static func refused(_ what: String) -> DockerError {
        DockerError(.archiveRejected, "the container's archive has \(what)")
    }
}
