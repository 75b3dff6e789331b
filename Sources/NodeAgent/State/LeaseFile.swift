import FleetCore
import Foundation

/// When the node's lease was last renewed, over the death of the agent but not of the machine.
struct LeaseFile: Sendable {
    /// Where it is.
    let path: String
    /// The kernel's name for this boot: instants of another one mean nothing.
    let boot: String

    private struct Form: Codable {
        var boot: String
        var renewedAt: Instant
    }

    /// The last renewal; nil when it was in another boot, or never.
    func load() -> Instant? {
        guard let bytes = try? DurableFile.read(path),
            let form = try? JSONDecoder().decode(Form.self, from: Data(bytes)), form.boot == boot
        else { return nil }
        return form.renewedAt
    }

    /// Notes a renewal.
    ///
    /// Not synced: what a power cut loses is of another boot then.
    func save(_ renewedAt: Instant) {
        guard let data = try? JSONEncoder().encode(Form(boot: boot, renewedAt: renewedAt)) else {
            return
        }
        // An older renewal on the disk only makes the agent stop its work sooner.
        try? DurableFile.write([UInt8](data), to: path, synced: false)
    }
}
