import Crypto
import FleetCore
import Testing

@testable import ControlPlane

@Suite("The waiting room", .timeLimit(.minutes(1)))
struct WaitingRoomTests {
    private func instant(_ seconds: Int64) -> Instant { .zero + .seconds(seconds) }

    private func guest(
        _ node: NodeName = "agx-01", _ address: String = "10.0.0.1", at seconds: Int64 = 0
    ) -> WaitingRoom.Guest {
        WaitingRoom.Guest(
            node: node, key: P256.Signing.PrivateKey().publicKey, address: address, version: nil,
            at: instant(seconds))
    }

    /// A room in which time stands still until a hold is cancelled.
    private func room() -> WaitingRoom {
        WaitingRoom(sleep: { _ in try await Task.sleep(for: .seconds(3_600)) })
    }

    private func untilHeld(_ guest: WaitingRoom.Guest, in room: WaitingRoom) async {
        while !room.isHeld(guest.id) { await Task.yield() }
    }

    @Test("Who asks again does not wait twice, and who asks no more is gone")
    func patience() {
        let (room, first) = (room(), guest())
        #expect(room.enter(first) == .waits(isNew: true))
        var again = first
        again.address = "10.0.0.9"
        again.lastAskedAt = instant(500)
        #expect(room.enter(again) == .waits(isNew: false))
        let guests = room.guests(at: instant(1_100))
        #expect(guests.map(\.id) == [first.id])
        #expect(guests.first?.address == "10.0.0.9" && guests.first?.since == instant(0))
        #expect(room.guests(at: instant(1_101)).isEmpty)
        #expect(room.enter(first) == .waits(isNew: true))
    }

    @Test("One address has eight places, all have sixty-four; who asked longest ago makes room")
    func bounds() {
        let room = room()
        let first = guest(at: 0)
        _ = room.enter(first)
        for second: Int64 in 1...7 { _ = room.enter(guest(at: second)) }
        let other = guest("agx-02", "10.0.0.2", at: 8)
        _ = room.enter(other)
        #expect(room.guests(at: instant(9)).count == 9)
        #expect(room.enter(guest(at: 9)) == .waits(isNew: true))
        let ids = room.guests(at: instant(9)).map(\.id)
        #expect(ids.count == 9 && !ids.contains(first.id) && ids.contains(other.id))
        for number in 3...200 {
            _ = room.enter(guest("agx-03", "10.0.0.\(number)", at: Int64(number) + 10))
        }
        let last = room.guests(at: instant(300))
        #expect(last.count == 64 && last.map(\.address).contains("10.0.0.200"))
        #expect(!last.map(\.id).contains(other.id))
    }

    @Test("Who is held is not sent away; when all are there is no room")
    func heldStay() async {
        let room = room()
        let held = (0..<8).map { guest(at: Int64($0)) }
        await withTaskGroup(of: String?.self) { group in
            for guest in held {
                _ = room.enter(guest)
                group.addTask { await room.certificate(for: guest.id, within: .seconds(60)) }
                await untilHeld(guest, in: room)
            }
            #expect(room.enter(guest(at: 20)) == .full)
            #expect(room.enter(guest("agx-02", "10.0.0.2", at: 20)) == .waits(isNew: true))
            // However long they are held: they do ask.
            #expect(room.guests(at: instant(2_000)).count == 8)
            group.cancelAll()
            for await certificate in group { #expect(certificate == nil) }
        }
        #expect(held.allSatisfy { !room.isHeld($0.id) })
        #expect(room.enter(guest(at: 21)) == .waits(isNew: true))
    }

    @Test("Who is held is answered when admitted, and again for an hour")
    func admission() async {
        let (room, guest) = (room(), guest())
        _ = room.enter(guest)
        async let answer = room.certificate(for: guest.id, within: .seconds(60))
        await untilHeld(guest, in: room)
        room.admit(guest.id, .init(certificate: "C", issuedAt: instant(1)))
        let told = await answer
        #expect(told == "C")
        #expect(room.guests(at: instant(1)).isEmpty)
        #expect(room.admission(of: guest.id, at: instant(3_601))?.certificate == "C")
        #expect(room.admission(of: guest.id, at: instant(3_602)) == nil)
        // Admitted between its question and its wait.
        #expect(await room.certificate(for: guest.id, within: .seconds(60)) == "C")
    }

    @Test("A hold ends when its time is over, and when the agent asks anew")
    func holdsEnd() async {
        let hasty = WaitingRoom(sleep: { _ in })
        let guest = guest()
        _ = hasty.enter(guest)
        #expect(await hasty.certificate(for: guest.id, within: .seconds(60)) == nil)
        #expect(!hasty.isHeld(guest.id))
        let room = room()
        _ = room.enter(guest)
        async let first = room.certificate(for: guest.id, within: .seconds(60))
        await untilHeld(guest, in: room)
        async let second = room.certificate(for: guest.id, within: .seconds(60))
        let replaced = await first
        #expect(replaced == nil)
        await untilHeld(guest, in: room)
        room.admit(guest.id, .init(certificate: "C", issuedAt: .zero))
        let told = await second
        #expect(told == "C")
    }

    @Test("One who waits is chosen by name, several by their keys")
    func choice() throws {
        let room = room()
        #expect(throws: WaitingRoom.NoChoice.nobody) {
            try room.choose("agx-01", keyPrefix: nil, at: .zero)
        }
        let (first, second) = (guest(), guest())
        _ = room.enter(first)
        _ = room.enter(guest("agx-02"))
        #expect(try room.choose("agx-01", keyPrefix: nil, at: .zero).id == first.id)
        _ = room.enter(second)
        #expect(throws: WaitingRoom.NoChoice.several([first.fingerprint, second.fingerprint])) {
            try room.choose("agx-01", keyPrefix: nil, at: .zero)
        }
        let digits = String(second.fingerprint.dropFirst(7).prefix(16))
        #expect(try room.choose("agx-01", keyPrefix: digits, at: .zero).id == second.id)
        #expect(throws: WaitingRoom.NoChoice.nobody) {
            try room.choose("agx-02", keyPrefix: digits, at: .zero)
        }
    }
}
