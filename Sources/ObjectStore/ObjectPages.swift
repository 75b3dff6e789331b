extension ObjectStore {
    /// All objects under a prefix in the order of their keys, a page at a time; an error ends it.
    package func pages(prefix: String) -> ObjectPages { ObjectPages(store: self, prefix: prefix) }
}

/// The pages of a listing, each asked for when the one before has been used.
package struct ObjectPages: AsyncSequence {
    package typealias Element = [ObjectInfo]

    let store: any ObjectStore
    let prefix: String

    package struct AsyncIterator: AsyncIteratorProtocol {
        let store: any ObjectStore
        let prefix: String
        var next: String?
        var isOver = false

        package mutating func next() async throws -> [ObjectInfo]? {
            guard !isOver else { return nil }
            let page = try await store.list(prefix: prefix, next: next, limit: 1_000)
            next = page.next
            isOver = next == nil
            return page.objects
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(store: store, prefix: prefix)
    }
}
