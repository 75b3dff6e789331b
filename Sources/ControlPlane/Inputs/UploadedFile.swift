import FleetCore
import ObjectStore

/// A file in the folder of uploads.
enum UploadedFile {
    /// The file of an upload; nil when it was never put, or is gone.
    static func find(
        _ id: String, of owner: SubmitterName, in objects: any ObjectStore
    ) async throws(ObjectStoreError) -> ObjectInfo? {
        guard JobIDMint.time(of: id) != nil else { return nil }
        do {
            let folder = ObjectLayout.uploads(of: owner.rawValue)
            let page = try await objects.list(prefix: "\(folder)/\(id)/", next: nil, limit: 1)
            guard let first = page.objects.first else { return nil }
            return try await objects.head(first.key)
        } catch {
            // Who has a name that no folder can have, has no file either.
            if error.code == .notFound || error.code == .invalidKey { return nil }
            throw error
        }
    }

    /// The file's own name.
    static func name(of key: ObjectKey) -> String {
        key.text.split(separator: "/").last.map(String.init) ?? key.text
    }

    static func isName(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.hasOnlyLettersDigits(or: "-._")
    }

    static func isMediaType(_ text: String) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 2 && text.utf8.count <= 127
            && parts.allSatisfy { !$0.isEmpty && $0.hasOnlyLettersDigits(or: "!#$&-^_.+") }
    }
}
