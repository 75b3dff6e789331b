import Foundation

/// What is known of the memory of the idle machine, over the death of the agent but not of the machine.
struct MemoryFile: Sendable {
    /// Where it is.
    let path: String
    /// The kernel's name for this boot: another one begins with memory of its own.
    let boot: String

    private struct Form: Codable {
        var boot: String
        var state: IdleMemory.State
    }

    /// What was known last; nil when that was in another boot, or never.
    func load() -> IdleMemory.State? {
        guard let bytes = try? DurableFile.read(path),
            let form = try? JSONDecoder().decode(Form.self, from: Data(bytes)), form.boot == boot
        else { return nil }
        return form.state
    }

    /// Notes what is known.
    ///
    /// Not synced: what a power cut loses is of another boot then.
    func save(_ state: IdleMemory.State) {
        guard let data = try? JSONEncoder().encode(Form(boot: boot, state: state)) else { return }
        try? DurableFile.write([UInt8](data), to: path, synced: false)
    }
}
