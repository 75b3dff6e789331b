import Foundation
import Testing

@testable import Commands

@Suite struct DescriptorTests {
    @Test func whatCannotBeWrittenHasItsReason() throws {
        let full = unsafe open("/dev/full", O_WRONLY | O_CLOEXEC)
        try #require(full >= 0)
        defer { close(full) }
        #expect(Descriptor.write(Data("a".utf8), to: full) == ENOSPC)
        #expect(Descriptor.write(Data(), to: full) == nil)
    }

    @Test func aConnectionThatIsClosedDoesNotEndTop() {
        #expect(TerminalGuard.signals.contains(SIGTERM))
        #expect(!TerminalGuard.signals.contains(SIGPIPE))
    }
}
