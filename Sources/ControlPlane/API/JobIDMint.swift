package import FleetCore
import Synchronization

/// Makes job ids: 26 characters, sortable by time (the form of a ULID, in lower case).
package final class JobIDMint: Sendable {
    private static let digits = Array("0123456789abcdefghjkmnpqrstvwxyz")
    private static let digitBytes = Set("0123456789abcdefghjkmnpqrstvwxyz".utf8)
    private let last = Mutex<(time: UInt64, random: UInt64)>((0, 0))

    /// Creates a mint.
    package init() {}

    /// When an id was made, to the millisecond; nil when it is none of a mint.
    package static func time(of id: some StringProtocol) -> Instant? {
        guard id.utf8.count == 26, id.utf8.allSatisfy({ digitBytes.contains($0) }) else {
            return nil
        }
        var time: Int64 = 0
        for digit in id.utf8.prefix(10) {
            guard let value = digits.firstIndex(of: Character(Unicode.Scalar(digit))) else {
                return nil
            }
            time = time << 5 | Int64(value)
        }
        // Nanoseconds since 1970 fit until 2262.
        return time < 9_000_000_000_000 ? Instant(nanoseconds: time * 1_000_000) : nil
    }

    /// A new id; ids of one mint rise strictly.
    package func mint(at now: Instant) -> JobID {
        let wanted = UInt64(max(now.nanoseconds, 0)) / 1_000_000
        let (time, low) = last.withLock { last in
            if wanted > last.time {
                // Room above, so that the ids of one millisecond can count up.
                last = (wanted, UInt64.random(in: 0..<1 << 62))
            } else {
                last.random += 1
            }
            return last
        }
        var text = ""
        for shift in stride(from: 45, through: 0, by: -5) {
            text.append(Self.digits[Int((time >> UInt64(shift)) & 31)])
        }
        for shift in stride(from: 60, through: 0, by: -5) {
            text.append(Self.digits[Int((low >> UInt64(shift)) & 31)])
        }
        let tail = UInt16.random(in: .min ... .max)
        for shift in stride(from: 10, through: 0, by: -5) {
            text.append(Self.digits[Int((tail >> UInt16(shift)) & 31)])
        }
        return JobID(text)
    }
}
