import Testing

@testable import Telemetry

@Suite struct TegrastatsGrammarTests {
    private func code(_ line: String) -> TegrastatsError.Code? {
        do throws(TegrastatsError) {
            _ = try TegrastatsReading(parsing: line)
            return nil
        } catch {
            return error.code
        }
    }

    @Test(
        arguments: [
            ("", .empty), (" \t\r", .empty), ("RAM 1/2MB CPU [1%@2", .unclosed),
            ("RAM 1/2MB (lfb 4x4MB", .unclosed), ("RAM 1/2MB \u{7}", .notText),
            ("RAM 1/2MB é", .notText),
            ("tegrastats: command not found", .nothingKnown),
            ("07-09-2024 13:31:31", .nothingKnown),
            ("Unable to access gpu 3d load", .nothingKnown), ("RAM N/A", .nothingKnown),
        ] as [(String, TegrastatsError.Code)])
    func `a bad line says why`(line: String, expected: TegrastatsError.Code) {
        #expect(code(line) == expected)
    }

    @Test func `a line of the longest length is read and a longer one is not`() {
        let start = "RAM 1/2MB "
        let most = start + String(repeating: "x", count: TegrastatsReading.lineMax - start.count)
        #expect(code(most) == nil)
        #expect(code(most + "x") == .tooLong)
    }

    @Test func `numbers that are none stay unknown`() throws {
        let reading = try TegrastatsReading(
            parsing: "RAM 1/2MB SWAP 99999999999999999999/1MB GR3D_FREQ 101% EMC_FREQ nan% "
                + "cpu@1e5C gpu@--3C tj@999999C VDD_IN 1e3/2 VDD_SOC -5/-5 APE 0x10 VIC %@5")
        #expect(reading.swap == nil && reading.engines == [] && reading.rails == [])
        #expect(reading.sensors == [])
        #expect(reading.unknown.contains("99999999999999999999/1MB"))
        #expect(reading.unknown.contains("cpu@1e5C"))
    }

    @Test func `sizes that do not fit are no sizes`() throws {
        let reading = try TegrastatsReading(
            parsing: "RAM 999999999999999/999999999999999GB GR3D_FREQ 5%")
        #expect(reading.memory == nil)
        #expect(reading.gpuLoad == 0.05)
    }

    @Test func `units are of any case and may be small`() throws {
        let reading = try TegrastatsReading(
            parsing: "RAM 512/1024KB (lfb 3x512kB) IRAM 0/252kB(lfb 252kB)")
        #expect(reading.memory?.used == 512 << 10)
        #expect(reading.memory?.largestFree == 512 << 10)
        #expect(reading.memory?.largestFreeCount == 3)
        #expect(reading.iram?.largestFree == 252 << 10)
    }

    @Test func `a note that is not understood stays unknown and the sizes count`() throws {
        let reading = try TegrastatsReading(parsing: "RAM 1/2MB (foo 4x4MB) IRAM 1/2kB(bar)")
        #expect(reading.memory?.used == 1 << 20)
        #expect(reading.iram?.used == 1 << 10)
        #expect(reading.unknown == ["(foo 4x4MB)", "1/2kB(bar)"])
    }

    @Test func `a rail that stands there twice is not believed and makes no sum`() throws {
        let reading = try TegrastatsReading(parsing: "VDD_A 1mW/1mW VDD_A 2mW/2mW VDD_B 3/3 NC 0/0")
        #expect(reading.rails.map(\.name) == ["VDD_B"])
        #expect(reading.ambiguousRails == ["VDD_A"])
        #expect(reading.boardMilliwatts == nil)
    }

    @Test func `the input tells the board even when a rail is ambiguous`() throws {
        let reading = try TegrastatsReading(
            parsing: "VDD_A 1/1 VDD_A 2/2 VDD_IN 5/5 VIN_SYS_5V0 1/1 VIN 7/7")
        #expect(reading.boardMilliwatts == 7)
    }

    @Test func `sensors and engines that stand there twice are not believed`() throws {
        let reading = try TegrastatsReading(
            parsing: "RAM 1/2MB tj@40C tj@50C cpu@30C NVENC0_FREQ @5 NVENC off GR3D_FREQ 3%")
        #expect(reading.sensors.map(\.name) == ["cpu"])
        #expect(reading.engines.map(\.name) == ["GR3D"])
    }

    @Test func `temperatures below zero are real and those of no power are not`() throws {
        let reading = try TegrastatsReading(
            parsing: "ao@-12.5C CV0@-256C cv1@-256C/20C cpu@1C/-256C")
        #expect(
            reading.sensors == [
                .init(name: "ao", celsius: -12.5), .init(name: "cpu", celsius: 1),
            ])
        #expect(reading.unknown == [])
    }

    @Test(
        arguments: [
            ("NVENC 716", "NVENC", 0, true, nil, [716]), ("VIC off", "VIC", 0, false, nil, []),
            ("nvdec1_freq @5", "NVDEC", 1, true, nil, [5]),
            ("NVENC_LOAD 7%", "NVENC", 0, true, 0.07, []),
            ("PVA0_FREQ [3%,9%]@115", "PVA", 0, true, 0.09, [115]),
            ("GR3D_FREQ 12.5%@[1,2,3]", "GR3D", 0, true, 0.125, [1, 2, 3]),
            ("NEW_FREQ 5", "NEW", 0, true, nil, [5]), ("NEW 5%@6", "NEW", 0, true, 0.05, [6]),
        ] as [(String, String, Int, Bool, Double?, [Int])])
    func `an engine is written in many ways`(
        text: String, name: String, index: Int, isOn: Bool, load: Double?, clocks: [Int]
    ) throws {
        let reading = try TegrastatsReading(parsing: text)
        #expect(
            reading.engines == [
                .init(name: name, index: index, isOn: isOn, load: load, megahertz: clocks)
            ])
        #expect(reading.unknown == [])
    }

    @Test(arguments: [
        "GR3D_FREQ 5%@[1,x]", "GR3D_FREQ 5%@", "GR3D_FREQ 5%@[]", "GR3D_FREQ [5%,x]@1", "NEW 5",
        "GR3D_FREQ offline", "GR3D_FREQ 5%5", "CPU [1%@2,]", "CPU [off1]", "MTS fg bg", "A 1/2/3/4",
        "A 1/", "A 1mW", "cpu@5", "cpu@5C/", "@5C", "5C", "SWAP 1/2",
    ])
    func `what is nearly a field is none`(text: String) throws {
        let reading = try TegrastatsReading(parsing: "RAM 1/2MB \(text)")
        #expect(reading.engines == [] && reading.rails == [] && reading.sensors == [])
        #expect(reading.cores == [] && reading.mts == nil && reading.swap == nil)
        #expect(reading.unknown.joined(separator: " ") == text)
    }

    @Test func `a carriage return and a prefix of a log do no harm`() throws {
        let reading = try TegrastatsReading(
            parsing: "host tegrastats[12]: RAM 1/2MB GR3D_FREQ 4%\r")
        #expect(reading.gpuLoad == 0.04)
        #expect(reading.unknown == ["host", "tegrastats[12]:"])
    }
}
