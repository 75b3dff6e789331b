import Foundation
import Testing

@testable import Telemetry

@Suite struct TegrastatsJSONTests {
    private func fields(_ line: some Collection<UInt8>) throws -> [String: Any] {
        let text = TegrastatsJSON.object(for: line)
        #expect(!text.contains("\n"))
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        return try #require(object as? [String: Any])
    }

    @Test func `a reading is an object with what follows from it`() throws {
        let line = "cpu@34.312C/34.843C GR3D_FREQ 12%@[1300,1300] VDD_A 7953mW/8332mW/8710mW WHAT"
        let fields = try fields(line.utf8)
        #expect(fields["gpuLoad"] as? Double == 0.12)
        #expect(fields["hottest"] as? Double == 34.312)
        #expect(fields["boardMilliwatts"] as? Int == 7953)
        #expect(fields["unknown"] as? [String] == ["WHAT"])
        #expect(fields["swap"] == nil)
        let rail = (fields["rails"] as? [[String: Any]])?.first
        #expect(rail?["mean"] as? Int == 8332)
        #expect(rail?["peak"] as? Int == 8710)
        let sensor = (fields["sensors"] as? [[String: Any]])?.first
        #expect(sensor?["peak"] as? Double == 34.843)
    }

    @Test func `a bad line is an object with its error`() throws {
        let fields = try fields("command \"not\" found".utf8)
        #expect(fields["error"] as? String == "the line has no field that tegrastats prints")
        #expect(fields["code"] as? String == "nothingKnown")
        #expect(fields["line"] as? String == "command \"not\" found")
        let binary = try self.fields([0xFF, 0x00, 0x0A, 0xC3])
        #expect(binary["code"] as? String == "notText")
        let long = try self.fields([UInt8](repeating: 65, count: 1_000_000))
        #expect((long["line"] as? String)?.count == 200)
    }

    @Test(arguments: Samples.all)
    func `a reading comes back from its JSON`(sample: Samples.Sample) throws {
        let reading = try TegrastatsReading(parsing: sample.line)
        let text = TegrastatsJSON.object(for: sample.line.utf8)
        #expect(try JSONDecoder().decode(TegrastatsReading.self, from: Data(text.utf8)) == reading)
    }

    @Test func `a stream of lines becomes a stream of objects`() throws {
        let folder = try Scratch()
        let input = folder.path + "/in"
        let output = folder.path + "/out"
        try folder.write("/in", "RAM 1/2MB\n\nnonsense\nRAM 3/4MB")
        let source = try FileHandle(forReadingFrom: URL(filePath: input))
        #expect(FileManager.default.createFile(atPath: output, contents: nil))
        let sink = try FileHandle(forWritingTo: URL(filePath: output))
        #expect(
            TegrastatsFilter.run(input: source.fileDescriptor, output: sink.fileDescriptor))
        let lines = try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines.map { $0.contains("\"error\"") } == [false, true, true, false])
        #expect(!TegrastatsFilter.run(input: -1, output: sink.fileDescriptor))
    }
}
