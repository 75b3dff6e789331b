import Foundation

/// Writing to a terminal, a pipe or a file, whoever else has it open.
enum Descriptor {
    /// Writes all of the data; the number of the error when that cannot be.
    static func write(_ data: Data, to file: Int32) -> Int32? {
        var rest = data[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes {
                unsafe Foundation.write(file, $0.baseAddress, $0.count)
            }
            guard count < 0 else {
                rest = rest.dropFirst(count)
                continue
            }
            let code = errno
            if code == EAGAIN {
                // Whoever shares it has made it one that does not wait.
                var wanted = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
                unsafe poll(&wanted, 1, 1_000)
            } else if code != EINTR {
                return code
            }
        }
        return nil
    }
}
