package import NIOCore

/// A file or folder to put into a container.
package struct ArchiveEntry: Sendable, Hashable {
    /// What it is.
    package enum Content: Sendable, Hashable {
        case file(ByteBuffer)
        case directory
    }

    /// The absolute path in the container, without `.` or `..`.
    package var path: String
    /// What it is.
    package var content: Content
    /// Permission bits.
    package var mode: UInt16
    /// The owner's number.
    package var user: UInt32
    /// The group's number.
    package var group: UInt32
    /// When it was changed, in seconds since 1970.
    package var modified: Int64

    /// Describes a file.
    package static func file(
        _ path: String, _ bytes: ByteBuffer, mode: UInt16 = 0o644, user: UInt32 = 0,
        group: UInt32 = 0, modified: Int64 = 0
    ) -> ArchiveEntry {
        ArchiveEntry(
            path: path, content: .file(bytes), mode: mode, user: user, group: group,
            modified: modified)
    }

    /// Describes a folder.
    ///
    /// Folders above a file are made as needed and need no entry of their own;
    /// an entry for one that exists changes its mode and owner.
    package static func directory(
        _ path: String, mode: UInt16 = 0o755, user: UInt32 = 0, group: UInt32 = 0,
        modified: Int64 = 0
    ) -> ArchiveEntry {
        ArchiveEntry(
            path: path, content: .directory, mode: mode, user: user, group: group,
            modified: modified)
    }
}

/// What an extraction may take.
package struct ExtractionLimits: Sendable, Hashable {
    /// Bytes of all files together.
    package var maxBytes: Int64
    /// Entries of any kind, folders and refused ones included.
    package var maxFiles: Int

    /// Creates limits.
    package init(maxBytes: Int64, maxFiles: Int) {
        self.maxBytes = maxBytes
        self.maxFiles = maxFiles
    }
}

/// What an extraction wrote.
package struct ExtractedArchive: Sendable, Hashable {
    /// A file that was written.
    package struct File: Sendable, Hashable {
        /// Its path below the destination.
        package var path: String
        /// Its length in bytes.
        package var size: Int64

        /// Describes a file.
        package init(path: String, size: Int64) {
            self.path = path
            self.size = size
        }
    }

    /// The files, sorted by path.
    package var files: [File] = []
    /// The names of links, devices and the like, which were left out; at most 100 of them.
    package var skipped: [String] = []
    /// Bytes of all files together.
    package var totalBytes: Int64 = 0

    /// Creates the result of an empty archive.
    package init() {}
}
