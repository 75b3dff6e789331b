extension AsyncStream where Element: Sendable {
    /// Waits for the next element; the stream goes on afterwards.
    func take() async -> Element? {
        for await element in self { return element }
        return nil
    }
}
