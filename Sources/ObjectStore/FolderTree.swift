/// The files of a folder store: where a key's bytes and type lie, and how they get there.
struct FolderTree: Sendable {
    /// A file being written, not yet an object.
    struct Incoming: Sendable {
        let name: String
        let file: Descriptor
        let folder: Descriptor
    }

    let root: String

    func prepare() throws(ObjectStoreError) {
        try makeRoot()
        let folder = try FolderFiles.openRoot(root)
        for name in ["objects", "types", "incoming"] {
            _ = try FolderFiles.directory(name, in: folder, make: true)
        }
        let incoming = try FolderFiles.directory("incoming", in: folder, make: false)
        for entry in try FolderFiles.entries(incoming) {
            if case .directory = entry.kind { continue }
            try FolderFiles.remove(entry.name, in: incoming)
        }
        try FolderFiles.sync(folder)
    }

    func objects() throws(ObjectStoreError) -> Descriptor {
        try FolderFiles.directory("objects", in: FolderFiles.openRoot(root), make: false)
    }

    func beginFile() throws(ObjectStoreError) -> Incoming {
        let folder = try FolderFiles.directory(
            "incoming", in: FolderFiles.openRoot(root), make: false)
        let name = String(UInt64.random(in: .min ... .max), radix: 36)
        let file = try FolderFiles.open(name, in: folder, FolderFiles.createFlags)
        return Incoming(name: name, file: file, folder: folder)
    }

    func abandon(_ incoming: Incoming) {
        // What stays is thrown away at the next start.
        _ = try? FolderFiles.remove(incoming.name, in: incoming.folder)
    }

    /// Makes the written and synced file the object.
    ///
    /// The type goes first: alone it is harmless.
    func commit(
        _ incoming: Incoming, _ key: ObjectKey, contentType: String
    ) throws(ObjectStoreError) {
        let type = try beginFile()
        do {
            try FolderFiles.write(Array(contentType.utf8), to: type.file)
            try FolderFiles.sync(type.file)
            try place(type, key, below: "types")
        } catch {
            abandon(type)
            throw error
        }
        try place(incoming, key, below: "objects")
    }

    func open(_ key: ObjectKey) throws(ObjectStoreError) -> (file: Descriptor, info: ObjectInfo) {
        do {
            let (folder, name) = try parent(of: key, below: "objects", make: false)
            let file = try FolderFiles.open(name, in: folder, FolderFiles.readFlags)
            let facts = try FolderFiles.facts(file)
            let info = ObjectInfo(
                key: key, size: facts.size, contentType: type(of: key), etag: facts.etag,
                modified: facts.modified)
            return (file, info)
        } catch {
            // A key below another object, or one that is only the beginning of others, is not
            // there.
            guard error.code == .notFound || error.code == .conflict || isFolder(key) else {
                throw error
            }
            throw ObjectStoreError(.notFound, "There is no object \(key).")
        }
    }

    func delete(_ key: ObjectKey) throws(ObjectStoreError) {
        guard !isFolder(key) else { return }
        for below in ["objects", "types"] {
            do {
                let (folder, name) = try parent(of: key, below: below, make: false)
                try FolderFiles.remove(name, in: folder)
                try FolderFiles.sync(folder)
            } catch {
                guard error.code == .notFound || error.code == .conflict else { throw error }
            }
            removeEmptyFolders(of: key, below: below)
        }
    }

    private func place(
        _ incoming: Incoming, _ key: ObjectKey, below: String
    ) throws(ObjectStoreError) {
        var attempt = 1
        while true {
            do {
                let (folder, name) = try parent(of: key, below: below, make: true)
                try FolderFiles.rename(incoming.name, in: incoming.folder, to: name, in: folder)
                return try FolderFiles.sync(folder)
            } catch {
                // A delete beside us may have taken the folder away, being empty, just before our
                // rename.
                guard error.code == .notFound, attempt < 10 else { throw error }
                attempt += 1
            }
        }
    }

    private func parent(
        of key: ObjectKey, below: String, make: Bool
    ) throws(ObjectStoreError) -> (folder: Descriptor, name: String) {
        var folder = try FolderFiles.directory(below, in: FolderFiles.openRoot(root), make: false)
        let components = key.components
        for component in components.dropLast() {
            folder = try FolderFiles.directory(component, in: folder, make: make)
        }
        return (folder, components.last ?? "")
    }

    private func type(of key: ObjectKey) -> String {
        guard let (folder, name) = try? parent(of: key, below: "types", make: false),
            let file = try? FolderFiles.open(name, in: folder, FolderFiles.readFlags),
            let bytes = try? FolderFiles.read(file, at: 0, count: 128),
            let text = String(validating: bytes, as: UTF8.self),
            (try? ObjectLimits.check(contentType: text)) != nil
        else { return ContentTypeByName.guess(key) }
        return text
    }

    private func isFolder(_ key: ObjectKey) -> Bool {
        guard let (folder, name) = try? parent(of: key, below: "objects", make: false) else {
            return false
        }
        return (try? FolderFiles.directory(name, in: folder, make: false)) != nil
    }

    private func removeEmptyFolders(of key: ObjectKey, below: String) {
        var components = key.components
        while components.count > 1 {
            components.removeLast()
            guard let upper = try? ObjectKey(components.joined(separator: "/")),
                let (folder, name) = try? parent(of: upper, below: below, make: false),
                (try? FolderFiles.remove(name, in: folder, directory: true)) != nil
            else { return }
        }
    }

    private func makeRoot() throws(ObjectStoreError) {
        var path = root.hasPrefix("/") ? "" : "."
        for component in root.split(separator: "/") {
            path += "/" + component
            try FolderFiles.makePath(path)
        }
    }
}
