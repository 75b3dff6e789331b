import FleetCore
import NIOCore
import Synchronization
import Testing

@testable import ControlPlane

@Suite("Who follows events")
struct EventFeedTests {
    private static func events(_ numbers: ClosedRange<UInt64>) -> [FleetEvent] {
        numbers.map { FleetEvent(sequence: $0, at: .zero, kind: .job) }
    }

    private static func numbers(_ item: EventReader.Item?) -> [UInt64]? {
        if case .events(let events)? = item { events.map(\.event.sequence) } else { nil }
    }

    @Test("A reader gets what happens, in order, in pages that are bounded")
    func order() async throws {
        let feed = EventFeed(earlier: Self.events(1...5))
        let reader = try feed.follow(.local)
        feed.publish(Self.events(6...1_000))
        var all: [UInt64] = []
        while all.count < 995 {
            let page = try #require(Self.numbers(await reader.next()))
            #expect(page.count <= EventFeed.pageLimit)
            all += page
        }
        #expect(all == Array(6...1_000))
    }

    @Test("One that waits is woken by what happens")
    func wakes() async throws {
        let feed = EventFeed()
        let reader = try feed.follow(.local)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await feed.run() }
            group.addTask {
                let item = await reader.next()
                #expect(Self.numbers(item) == [1])
            }
            feed.publish(Self.events(1...1))
            _ = await group.next()
            group.cancelAll()
        }
    }

    @Test("One that reads nothing is told so once what it has not read is no longer kept")
    func slow() async throws {
        let feed = EventFeed()
        let slow = try feed.follow(.local)
        let quick = try feed.follow(.local)
        for begin in stride(from: UInt64(1), through: 30_001, by: 1_000) {
            feed.publish(Self.events(begin...begin + 999))
            var read = 0
            while read < 1_000 { read += try #require(Self.numbers(await quick.next())).count }
        }
        #expect(feed.all.count <= EventFeed.kept * 2)
        guard case .behind(31_000)? = await slow.next() else {
            Issue.record("it was not told")
            return
        }
        feed.publish(Self.events(31_001...31_001))
        let next = Self.numbers(await slow.next())
        #expect(next == [31_001], "then it goes on from now")
    }

    @Test(
        "One that comes back with a number that was not given yet is told so, and goes on from now",
        arguments: [0, 5] as [UInt64], [6, 50_000, .max] as [UInt64])
    func ahead(_ last: UInt64, _ place: UInt64) async throws {
        let feed = EventFeed(earlier: last == 0 ? [] : Self.events(1...last))
        #expect(feed.events(after: place) == nil && feed.events(after: last)?.isEmpty == true)
        let reader = try feed.follow(.local, after: place)
        guard case .behind? = await reader.next() else {
            Issue.record("it was not told")
            return
        }
        feed.publish(Self.events(last + 1...last + 1))
        let next = Self.numbers(await reader.next())
        #expect(next == [last + 1])
    }

    @Test("One that comes back gets what it missed, if that is kept")
    func back() async throws {
        let feed = EventFeed(earlier: Self.events(100...200))
        let near = try feed.follow(.local, after: 180)
        let page = Self.numbers(await near.next())
        #expect(page == Array(181...200))
        let far = try feed.follow(.local, after: 50)
        guard case .behind(200)? = await far.next() else {
            Issue.record("it was not told")
            return
        }
    }

    @Test(
        "One that wants nothing of what happens knows all the same how far it is, and goes on there"
    )
    func quiet() async throws {
        let feed = EventFeed(earlier: Self.events(1...5))
        let reader = try feed.follow(.local)
        #expect(reader.place == 5)
        let topics = try Topics("fleet")
        feed.publish(Self.events(6...8))
        reader.ping()
        var written: [String?] = []
        for _ in 1...2 {
            let item = try #require(await reader.next())
            written.append(try APIServer.text(item, topics).0.map { String(buffer: $0) })
        }
        #expect(written == [nil, "id: 8\n\n"])
        // As the next controller reads them.
        let next = EventFeed(earlier: Self.events(1...8))
        let back = try next.follow(.local, after: reader.place)
        next.publish(Self.events(9...9))
        #expect(Self.numbers(await back.next()) == [9])
    }

    @Test("One that fell behind is told where it goes on")
    func resync() throws {
        let (text, mayFollow) = try APIServer.text(.behind(7), try Topics("all"))
        #expect(!mayFollow)
        #expect(
            text.map { String(buffer: $0) }
                == "id: 7\nevent: resync\ndata: {\"reason\":\"events were missed\"}\n\n")
    }

    @Test("No more than so many, and who is gone leaves nothing behind")
    func limit() throws {
        let feed = EventFeed(limit: 3)
        let callers: [SubmitterName] = ["a", "b", "c"]
        var readers = try callers.map { try feed.follow($0) }
        #expect(readers.count == 3 && feed.readers == 3)
        #expect(throws: EventFeed.NoRoom.full) { _ = try feed.follow("d") }
        readers.removeLast()
        #expect(feed.readers == 2)
        _ = try feed.follow("d")
        #expect(feed.readers == 2, "one that nobody keeps is gone at once")
        readers = []
        #expect(feed.readers == 0)
    }

    @Test("No caller has more than a tenth of the room, and gets again what was given back")
    func share() throws {
        let feed = EventFeed(limit: 29)
        var own = try (0..<2).map { _ in try feed.follow("alice") }
        #expect(throws: EventFeed.NoRoom.shareTaken) { _ = try feed.follow("alice") }
        let other = try feed.follow("bob")
        #expect(own.count == 2 && feed.readers == 3)
        own.removeLast()
        try own.append(feed.follow("alice"))
        #expect(throws: EventFeed.NoRoom.shareTaken) { _ = try feed.follow("alice") }
        withExtendedLifetime((own, other)) {}
    }

    @Test("One that may not go on is ended when it is looked at, and no other")
    func check() async throws {
        let feed = EventFeed()
        let mayGoOn = Atomic(true)
        let reader = try feed.follow(.local)
        let other = try feed.follow(.local)
        reader.lasts { mayGoOn.load(ordering: .relaxed) }
        feed.checkReaders()
        #expect(!reader.isOver)
        mayGoOn.store(false, ordering: .relaxed)
        feed.checkReaders()
        #expect(reader.isOver && !other.isOver)
        if await reader.next() != nil { Issue.record("it got something") }
    }

    @Test("One that is ended hears of it")
    func ended() async throws {
        let feed = EventFeed()
        let reader = try feed.follow(.local)
        async let item = reader.next()
        reader.end()
        if await item != nil { Issue.record("it got something") }
    }
}
