import Foundation

/// Writes a file that appears complete or not at all, and never in place of another.
struct OutputFile {
    private let handle: FileHandle
    private let part: String
    private let folder: String
    private let name: String

    private let mode: mode_t

    /// Opens a file for the output in the folder, which is made if need be.
    init(folder: String, name: String, mode: mode_t = 0o666) throws {
        self.mode = mode
        let folder = folder.isEmpty ? "." : folder
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw Self.failure(folder, errno)
        }
        self.folder = folder
        self.name = Self.safeName(name)
        part = folder + "/." + self.name.prefix(100) + ".part-" + UUID().uuidString.prefix(8)
        let descriptor = unsafe open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw Self.failure(part, errno) }
        handle = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Appends bytes.
    func write(_ data: Data) throws {
        do {
            try handle.write(contentsOf: data)
        } catch {
            throw Self.failure(folder + "/" + name, errno)
        }
    }

    /// Gives the file its name, or the next free one (`picture-1.png`); answers its path.
    func commit() throws -> String {
        defer { discard() }
        for number in 0..<10_000 {
            let path = folder + "/" + Self.numbered(name, number)
            // A hard link fails if the name is taken, where a rename would replace the file.
            if unsafe link(part, path) == 0 { return path }
            let problem = errno
            guard problem == EEXIST else {
                if [EPERM, ENOTSUP, ENOSYS].contains(problem) { return try rename() }
                throw Self.failure(path, problem)
            }
        }
        throw CommandError(.failed, "cannot save \(name)", why: "every name for it is taken")
    }

    /// Removes what was written.
    func discard() {
        try? handle.close()
        unsafe unlink(part)
    }

    /// For file systems without hard links: takes the name first, then puts the content there.
    private func rename() throws -> String {
        for number in 0..<10_000 {
            let path = folder + "/" + Self.numbered(name, number)
            let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
            guard descriptor >= 0 else {
                guard errno == EEXIST else { throw Self.failure(path, errno) }
                continue
            }
            Foundation.close(descriptor)
            if unsafe Foundation.rename(part, path) == 0 { return path }
            let problem = errno
            unsafe unlink(path)
            throw Self.failure(path, problem)
        }
        throw CommandError(.failed, "cannot save \(name)", why: "every name for it is taken")
    }

    private static func failure(_ path: String, _ code: Int32) -> CommandError {
        CommandError(
            .failed, "cannot write \(path)", why: unsafe String(cString: strerror(code)),
            hint: "choose another folder with --out")
    }

    /// The name without anything that could lead elsewhere, hide the file or upset a shell.
    static func safeName(_ name: String) -> String {
        var safe = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            let isBad =
                scalar == "/" || scalar == "\\" || scalar == ":" || SafeText.isUnsafe(scalar)
            safe.append(isBad ? "_" : scalar)
        }
        if let first = safe.first, first == "." || first == "-" || first == "~" {
            safe.replaceSubrange(safe.startIndex...safe.startIndex, with: ["_"])
        }
        guard !safe.isEmpty else { return "output" }
        let text = String(safe)
        let ending = (text as NSString).pathExtension
        // An overlong ending is none.
        let end = ending.isEmpty || ending.utf8.count > 16 ? "" : "." + ending
        var stem = String(text.dropLast(end.count))
        while stem.utf8.count + end.utf8.count > 200 { stem.unicodeScalars.removeLast() }
        return stem + end
    }

    /// Gives the next name to try: `picture.png`, `picture-1.png` and so on.
    static func numbered(_ name: String, _ number: Int) -> String {
        guard number > 0 else { return name }
        let ending = name.hasSuffix(".tar.gz") ? "tar.gz" : (name as NSString).pathExtension
        guard !ending.isEmpty else { return "\(name)-\(number)" }
        return "\(name.dropLast(ending.count + 1))-\(number).\(ending)"
    }
}
