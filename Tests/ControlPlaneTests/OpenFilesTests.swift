import Testing

@testable import ControlPlane

@Suite("Who may have how many files open")
struct OpenFilesTests {
    @Test(
        "Both doors of the API together leave a quarter, and each takes one reader more than there may be",
        arguments: [64, 1_000, 1_024, 8_192, 65_536, 1 << 30, Int.max])
    func shares(all: Int) {
        let files = OpenFiles(of: all)
        #expect(files.secure + files.local <= all - all / 4)
        #expect(files.readers <= all / 2 && files.readers <= EventFeed.readerLimit)
        #expect(files.secure > files.readers)
        #expect(files.local > files.readers / 10)
    }
}
