import Glibc
import Settings
import Synchronization
import Testing

@Suite struct ServiceNotifierTests {
    @Test(arguments: [true, false]) func systemdHears(isAbstract: Bool) throws {
        let inbox = try NotifyInbox(isAbstract: isAbstract)
        let notifier = ServiceNotifier(environment: ["NOTIFY_SOCKET": inbox.name])
        notifier.ready("agents at :7443\nREADY=0")
        notifier.alive()
        notifier.status("connected")
        notifier.stopping()
        #expect(
            inbox.takeAll() == [
                "READY=1\nSTATUS=agents at :7443 READY=0", "WATCHDOG=1", "STATUS=connected",
                "STOPPING=1",
            ])
    }

    @Test func nobodyListens() {
        ServiceNotifier(environment: [:]).ready("fine")
        ServiceNotifier(environment: ["NOTIFY_SOCKET": "/nowhere/notify"]).ready("fine")
        let long = String(repeating: "n", count: 200)
        ServiceNotifier(environment: ["NOTIFY_SOCKET": long]).ready("fine")
    }

    @Test func watchdogIsForThisProcessOnly() {
        let asked = ["WATCHDOG_USEC": "30000000"]
        #expect(ServiceNotifier(environment: asked).watchdog == .seconds(15))
        let own = asked.merging(["WATCHDOG_PID": "7"]) { $1 }
        #expect(ServiceNotifier(environment: own, processID: 7).watchdog == .seconds(15))
        #expect(ServiceNotifier(environment: own, processID: 8).watchdog == nil)
        #expect(ServiceNotifier(environment: ["WATCHDOG_USEC": "soon"]).watchdog == nil)
        #expect(ServiceNotifier(environment: [:]).watchdog == nil)
    }
}

@Suite struct LoopWatchdogTests {
    /// A watchdog that wants a word every 40 ms, and where its words go.
    private func quick() throws -> (LoopWatchdog, NotifyInbox) {
        let inbox = try NotifyInbox(isAbstract: true)
        let notifier = ServiceNotifier(
            environment: ["NOTIFY_SOCKET": inbox.name, "WATCHDOG_USEC": "80000"])
        return (LoopWatchdog(notifier), inbox)
    }

    @Test func aBusyLoopSaysSoNowAndThen() throws {
        let (watchdog, inbox) = try quick()
        for _ in 0..<10_000 { watchdog.turned() }
        let words = inbox.takeAll()
        #expect(!words.isEmpty && words.count < 1_000)
        #expect(words.allSatisfy { $0 == "WATCHDOG=1" })
    }

    @Test func anIdleLoopIsWoken() async throws {
        let (watchdog, inbox) = try quick()
        let wakes = Wakes()
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                await watchdog.keepTurning {
                    wakes.add()
                    watchdog.turned()
                }
            }
            while wakes.count < 3 { await Task.yield() }
            group.cancelAll()
        }
        #expect(inbox.takeAll().count >= 3)
    }

    @Test func aHungLoopFallsSilent() async throws {
        let (watchdog, inbox) = try quick()
        let wakes = Wakes()
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await watchdog.keepTurning { wakes.add() } }
            while wakes.count < 3 { await Task.yield() }
            group.cancelAll()
        }
        #expect(inbox.takeAll().isEmpty)
    }
}

/// How often a loop was woken.
private final class Wakes: Sendable {
    private let value = Atomic<Int>(0)
    var count: Int { value.load(ordering: .relaxed) }
    func add() { value.add(1, ordering: .relaxed) }
}

/// What systemd would be: a socket that services write to.
private final class NotifyInbox: Sendable {
    /// As NOTIFY_SOCKET names it.
    let name: String
    private let file: Int32

    init(isAbstract: Bool) throws {
        let unique = "jessica-notify-\(getpid())-\(UInt64.random(in: .min ... .max))"
        name = isAbstract ? "@" + unique : "/tmp/" + unique
        file = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(name.utf8)
        if isAbstract { bytes[0] = 0 }
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(file, $0, length)
            }
        }
        try #require(bound == 0)
    }

    deinit {
        close(file)
        if !name.hasPrefix("@") { _ = unsafe unlink(name) }
    }

    /// The messages that have come, in order.
    func takeAll() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 1_024)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes {
                unsafe recv(file, $0.baseAddress, $0.count, 0)
            }
            guard count >= 0 else { return messages }
            messages.append(String(decoding: buffer[..<count], as: UTF8.self))
        }
    }
}
