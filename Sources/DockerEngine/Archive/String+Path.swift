extension String {
    /// The parts between the slashes of a path, empty ones too.
    ///
    /// By bytes, as the kernel takes a path: to Swift a slash and an accent after it are one character,
    /// which is no slash.
    package var pathParts: [String] {
        utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// Whether the first byte is a slash.
    package var isAbsolutePath: Bool { utf8.first == UInt8(ascii: "/") }
}
