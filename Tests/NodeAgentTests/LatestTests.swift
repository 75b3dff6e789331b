import Testing

@testable import NodeAgent

@Suite struct LatestTests {
    @Test func theLatestValueIsWaitedFor() async throws {
        let latest = Latest(0)
        try await withThrowingTaskGroup(of: Int.self) { group in
            for wanted in 1...5 {
                group.addTask { try await latest.wait { $0 >= wanted } }
            }
            for value in 1...5 { latest.set(value) }
            for try await value in group { #expect((1...5).contains(value)) }
        }
        await withTaskGroup(of: Bool.self) { group in
            group.addTask { (try? await latest.wait { $0 == 99 }) == nil }
            group.cancelAll()
            #expect(await group.next() == true)
        }
    }
}
