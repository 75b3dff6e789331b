import NIOCore

/// Writes an archive from a container into a folder, trusting nothing in it.
///
/// Files and folders only, below the folder only, within the limits only. Links, devices and the
/// like are left out; a name that tries to get out refuses the whole archive.
struct ArchiveExtractor: ~Copyable {
    private static let skippedMax = 100

    private let folder: Folder
    private let root: String
    private let limits: ExtractionLimits
    private var reader = TarReader()
    private var entries = 0
    private var announcedBytes: Int64 = 0
    private var result = ExtractedArchive()
    /// The file whose content comes now; nil while the content is skipped.
    private var current: Descriptor?

    /// Prepares an extraction.
    ///
    /// - Parameters:
    ///   - path: An existing folder, best an empty one of our own.
    ///   - root: The archive's root folder, dropped from the names.
    ///   - limits: What may be written.
    /// - Throws: `.other` when the folder cannot be opened.
    init(into path: String, root: String, limits: ExtractionLimits) throws(DockerError) {
        self.folder = try Folder(path: path)
        self.root = root
        self.limits = limits
    }

    /// Takes a piece of the archive, blocking on the disk.
    mutating func consume(_ chunk: ByteBuffer) throws(DockerError) {
        reader.append(chunk)
        while let event = try reader.next() {
            switch event {
            case .entry(let entry): try begin(entry)
            case .content(let bytes): try current?.write(bytes)
            case .entryEnd: current = nil
            }
        }
    }

    /// Checks that the archive was complete, and tells what was written.
    mutating func finish() throws(DockerError) -> ExtractedArchive {
        try reader.finish()
        result.files.sort { $0.path < $1.path }
        return result
    }

    private mutating func begin(_ entry: TarEntry) throws(DockerError) {
        entries += 1
        guard entries <= limits.maxFiles else {
            throw DockerError(.tooLarge, "the archive has more than \(limits.maxFiles) entries")
        }
        let parts = try ArchivePath.components(entry.name, kind: entry.kind, root: root)
        // Announced sizes count before a byte is written, and for skipped content as well.
        let (sum, overflow) = announcedBytes.addingReportingOverflow(Int64(entry.size))
        guard !overflow, sum <= limits.maxBytes else {
            throw DockerError(.tooLarge, "the archive has more than \(limits.maxBytes) bytes")
        }
        announcedBytes = sum
        switch entry.kind {
        case .directory:
            try folder.makeFolders(parts)
        case .file:
            guard !parts.isEmpty else {
                throw DockerError(.archiveRejected, "the archive has a file without a name")
            }
            current = try folder.createFile(parts)
            result.files.append(
                .init(path: parts.joined(separator: "/"), size: Int64(entry.size)))
            result.totalBytes = announcedBytes
        case .symbolicLink, .hardLink, .device, .fifo, .other:
            if result.skipped.count < Self.skippedMax {
                result.skipped.append(parts.joined(separator: "/"))
            }
        }
    }

}
