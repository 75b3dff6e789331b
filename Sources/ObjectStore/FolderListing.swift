/// Walks a folder store in the order of the keys, skipping what cannot be on the page.
struct FolderListing {
    let prefix: String
    let after: ObjectKey?
    let limit: Int
    private var found: [ObjectInfo] = []
    private var isFull = false

    init(prefix: String, after: ObjectKey?, limit: Int) {
        self.prefix = prefix
        self.after = after
        self.limit = limit
    }

    var page: ObjectPage { ObjectPage(objects: found, next: isFull ? found.last?.key.text : nil) }

    /// Adds what lies in a folder whose keys begin with `path`, until the page is full.
    mutating func collect(_ folder: Descriptor, path: String) throws(ObjectStoreError) {
        let entries = try FolderFiles.entries(folder).compactMap { entry in
            Self.sortName(entry.name, entry.kind).map {
                (sortName: $0, name: entry.name, kind: entry.kind)
            }
        }
        // "a/…" comes after "a-b" but before "a0": so a folder is sorted by its name with the
        // slash.
        for entry in entries.sorted(by: { Self.precedes($0.sortName, $1.sortName) }) {
            guard !isFull else { return }
            switch entry.kind {
            case .directory: try collectBelow(folder, entry.name, path + entry.name + "/")
            case .file(let facts): add(path + entry.name, facts)
            case .other: continue
            }
        }
    }

    private mutating func collectBelow(
        _ folder: Descriptor, _ name: String, _ path: String
    ) throws(ObjectStoreError) {
        guard path.hasPrefix(prefix) || prefix.hasPrefix(path) else { return }
        // Everything below sorts before what follows the path.
        if let after, !after.text.hasPrefix(path), Self.precedes(path, after.text) { return }
        do {
            try collect(FolderFiles.directory(name, in: folder, make: false), path: path)
        } catch {
            // Deleted since we read its name.
            guard error.code == .notFound else { throw error }
        }
    }

    private mutating func add(_ text: String, _ facts: FolderFiles.Facts) {
        guard text.hasPrefix(prefix), let key = try? ObjectKey(text) else { return }
        if let after, key <= after { return }
        guard found.count < limit else {
            isFull = true
            return
        }
        found.append(
            ObjectInfo(
                key: key, size: facts.size, contentType: ContentTypeByName.guess(key),
                etag: facts.etag, modified: facts.modified))
    }

    private static func sortName(_ name: String, _ kind: FolderFiles.Kind) -> String? {
        switch kind {
        case .directory: name + "/"
        case .file: name
        case .other: nil
        }
    }

    private static func precedes(_ left: String, _ right: String) -> Bool {
        left.utf8.lexicographicallyPrecedes(right.utf8)
    }
}
