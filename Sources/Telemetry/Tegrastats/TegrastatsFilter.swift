import Glibc

/// Turns lines of tegrastats into lines of JSON, from one file descriptor to another.
package enum TegrastatsFilter {
    /// Runs until the input ends; false when reading or writing failed.
    ///
    /// What was read is written at once, so that it can stand behind a running tegrastats.
    package static func run(input: Int32, output: Int32) -> Bool {
        var lines = LineAssembler()
        var piece = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = unsafe piece.withUnsafeMutableBytes {
                unsafe read(input, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            if count == 0 {
                return lines.finish().map { write([$0], to: output) } ?? true
            }
            guard write(lines.append(piece.prefix(count)), to: output) else { return false }
        }
    }

    private static func write(_ lines: [[UInt8]], to output: Int32) -> Bool {
        var bytes = lines.flatMap { Array((TegrastatsJSON.object(for: $0) + "\n").utf8) }[...]
        while !bytes.isEmpty {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(output, $0.baseAddress, $0.count)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            bytes = bytes.dropFirst(count)
        }
        return true
    }
}
