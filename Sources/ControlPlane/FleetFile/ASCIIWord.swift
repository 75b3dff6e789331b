extension StringProtocol {
    /// Whether it has nothing but ASCII letters, digits and the marks named.
    func hasOnlyLettersDigits(or marks: String = "") -> Bool {
        utf8.allSatisfy { byte in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
            default: marks.utf8.contains(byte)
            }
        }
    }
}
