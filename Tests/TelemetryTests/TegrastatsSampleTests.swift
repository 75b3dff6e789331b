import Testing

@testable import Telemetry

@Suite struct TegrastatsSampleTests {
    @Test func `there are all the published lines`() {
        #expect(Samples.all.count == 73)
    }

    @Test(arguments: Samples.all)
    func `a published line is read`(sample: Samples.Sample) throws {
        let reading = try TegrastatsReading(parsing: sample.line)
        // Only what no document explains is left over: TK1's limit, an engine without its name,
        // the core list of a line without its head, and what a test has added.
        let strange = [
            "EDP", "limit", "0", "FUTURE_TOKEN", "value",
            "[0%@1190,1%@1190,0%@1190,0%@1189,0%@1190,0%@1191,0%@1190,0%@1190]",
        ]
        #expect(reading.unknown.filter { !strange.contains($0) } == [])
        #expect(reading.ambiguousRails == [])
        #expect((reading.memory == nil) == !sample.line.contains("RAM "))
        #expect((reading.swap == nil) == !sample.line.contains("SWAP "))
        #expect(reading.cores.isEmpty == !sample.line.lowercased().contains("cpu ["))
        #expect(reading.sensors.isEmpty == !sample.line.contains(/@[0-9.]+C/))
        #expect((reading.time != nil) == (sample.line.dropFirst(2).first == "-"))
        #expect((reading.engine("GR3D") == nil) == !sample.line.contains("GR3D"))
    }

    @Test func `an AGX Xavier on R32 has rails that are called like its processors`() throws {
        let reading = try Samples.reading(with: "RAM 721/31927MB")
        #expect(reading.time == nil)
        #expect(reading.memory?.used == .mebibytes(721))
        #expect(reading.memory?.total == .mebibytes(31_927))
        #expect(reading.memory?.largestFree == .mebibytes(4))
        #expect(reading.memory?.largestFreeCount == 7291)
        #expect(reading.swap?.cached == 0)
        #expect(reading.cores.map(\.isOn) == [true, true, true, true, false, false, false, false])
        #expect(reading.cores.first?.load == 0.02)
        #expect(reading.cores.first?.megahertz == 1190)
        #expect(reading.cores.last?.load == nil)
        #expect(reading.engine("EMC")?.megahertz == [665])
        #expect(reading.gpuLoad == 0)
        #expect(reading.engine("GR3D")?.megahertz == [318])
        #expect(reading.engine("APE")?.megahertz == [150])
        #expect(reading.mts == TegrastatsReading.MTS(foreground: 0, background: 0))
        #expect(reading.celsius("GPU") == 37.5)
        #expect(reading.celsius("PMIC") == 100)
        #expect(reading.hottest == 40)
        #expect(reading.rails.map(\.name) == ["GPU", "CPU", "SOC", "CV", "VDDRQ", "SYS5V"])
        #expect(reading.rail("CPU")?.milliwatts == 311)
        #expect(reading.boardMilliwatts == 0 + 311 + 932 + 0 + 621 + 1482)
    }

    @Test func `an AGX Xavier on R35 writes units and a bare clock`() throws {
        let reading = try Samples.reading(with: "VIC_FREQ 115 APE 150 AUX@36C")
        #expect(reading.engine("VIC")?.megahertz == [115])
        #expect(reading.engine("VIC")?.load == nil)
        #expect(reading.engine("EMC")?.megahertz == [1331])
        #expect(reading.rail("GPU") == .init(name: "GPU", milliwatts: 467, mean: 467))
        #expect(reading.celsius("GPU") == 35)
        #expect(reading.boardMilliwatts == 467 + 467 + 1245 + 311 + 2768)
        #expect(reading.hottest == 38.75)
    }

    @Test func `a Xavier NX on R35 has one GPC`() throws {
        let reading = try Samples.reading(with: "RAM 3168/6851MB")
        #expect(reading.time == "07-09-2024 13:31:31")
        #expect(reading.engine("GR3D")?.megahertz == [114])
        #expect(reading.gpuLoad == 0)
        #expect(reading.boardMilliwatts == 2763)
        #expect(reading.rail("VDD_SOC")?.mean == 711)
        #expect(reading.celsius("CPU") == 46.5)
    }

    @Test func `an AGX Orin on R35 has sensors without power and rails without load`() throws {
        let reading = try Samples.reading(with: "RAM 4321/62801MB")
        #expect(
            reading.sensors.map(\.name) == [
                "CPU", "Tboard", "SOC2", "Tdiode", "SOC0", "tj", "SOC1",
            ])
        #expect(reading.hottest == 44.562)
        #expect(
            reading.rails.map(\.name) == [
                "VDD_GPU_SOC", "VDD_CPU_CV", "VIN_SYS_5V0", "VDDQ_VDD2_1V8AO",
            ])
        #expect(reading.boardMilliwatts == 2340 + 390 + 4025 + 301)
        #expect(reading.engine("GR3D")?.megahertz == [0, 0])
        #expect(reading.gpuLoad == 0)
    }

    @Test func `an Orin NX on R35 has a second GPC of its own`() throws {
        let reading = try Samples.reading(with: "GR3D2_FREQ 0%@0")
        #expect(reading.engine("GR3D")?.megahertz == [305])
        #expect(reading.engine("GR3D", 2)?.megahertz == [0])
        #expect(reading.boardMilliwatts == 4915)
    }

    @Test func `an AGX Orin on R36 runs its words apart`() throws {
        let reading = try Samples.reading(with: "RAM 29114/30697MB")
        #expect(reading.swap?.used == .mebibytes(4915))
        #expect(reading.swap?.cached == .mebibytes(1))
        #expect(reading.cores.count == 12)
        #expect(reading.cores[5].load == 1)
        #expect(reading.engine("NVENC")?.isOn == false)
        #expect(reading.engine("NVJPG", 1)?.isOn == false)
        #expect(reading.engine("PVA")?.isOn == false)
        #expect(reading.celsius("tj") == 53.062)
        #expect(reading.boardMilliwatts == 3205 + 4405 + 4767)
    }

    @Test func `an AGX Orin on R36 leaves out the GPU's sensor while it has no power`() throws {
        let reading = try Samples.reading(with: "05-09-2026 18:42:06")
        #expect(reading.celsius("gpu") == nil)
        #expect(reading.gpuLoad == 0)
        #expect(reading.engine("NVENC")?.load == 0.79)
        #expect(reading.engine("NVENC")?.megahertz == [166])
        #expect(reading.hottest == 52.562)
    }

    @Test func `an AGX Orin on R36 without root has no memory controller`() throws {
        let reading = try Samples.reading(with: "RAM 2448/62840MB")
        #expect(reading.engine("EMC") == nil)
        #expect(reading.gpuLoad == 0)
        #expect(reading.engine("GR3D")?.megahertz == [])
    }

    @Test func `a mean without its unit is read`() throws {
        let reading = try Samples.reading(with: "598mW/598 ")
        #expect(
            reading.rail("VDD_CPU_GPU_CV")
                == .init(
                    name: "VDD_CPU_GPU_CV", milliwatts: 598, mean: 598))
    }

    @Test func `an AGX Orin on R39 writes peaks and indices`() throws {
        let reading = try Samples.reading(with: "07-25-2026 09:08:28")
        #expect(reading.swap == nil)
        #expect(reading.engine("NVENC")?.isOn == false)
        #expect(reading.gpuLoad == 0.12)
        #expect(reading.engine("GR3D")?.megahertz == [1300, 1300])
        #expect(reading.sensors.first == .init(name: "cpu", celsius: 52.968, peak: 52.968))
        #expect(reading.boardMilliwatts == 5139 + 3268 + 5500)
    }

    @Test func `a Thor on R39 writes now, mean and peak`() throws {
        let reading = try Samples.reading(with: "07-23-2026 15:29:27")
        #expect(reading.cores.count == 14)
        #expect(
            reading.rail("VDD_CPU_SOC_MSS")
                == .init(
                    name: "VDD_CPU_SOC_MSS", milliwatts: 7953, mean: 8332, peak: 8710))
        #expect(reading.sensors.first == .init(name: "cpu", celsius: 34.312, peak: 34.843))
        #expect(reading.gpuLoad == nil)
        #expect(reading.engine("GR3D")?.megahertz == [314, 314, 314])
        #expect(reading.engine("NVENC", 1)?.megahertz == [1556])
        #expect(reading.engine("VIC")?.load == 0.59)
        #expect(reading.engine("OFA")?.megahertz == [1556])
        #expect(reading.boardMilliwatts == 4925 + 7953 + 6667)
    }

    @Test func `the input of a Thor is the whole board`() throws {
        let reading = try Samples.reading(with: "VIN 124486mW/36487mW/124486mW")
        #expect(reading.boardMilliwatts == 124_486)
        #expect(reading.gpuLoad == 0.87)
        #expect(reading.hottest == 66.625)
        #expect(reading.unknown == ["FUTURE_TOKEN", "value"])
    }

    @Test func `a Thor without root has neither GPU nor swap`() throws {
        let reading = try Samples.reading(with: "RAM 9038/125772MB")
        #expect(reading.engines == [])
        #expect(reading.swap == nil)
        #expect(reading.boardMilliwatts == 24_830)
    }

    @Test func `one clock behind the bracket is that of every core`() throws {
        let reading = try Samples.reading(with: "CPU [0%,5%,off]@2601")
        #expect(
            reading.cores == [
                .init(isOn: true, load: 0, megahertz: 2601),
                .init(isOn: true, load: 0.05, megahertz: 2601), .init(isOn: false),
            ])
        #expect(reading.engine("EMC")?.megahertz == [4266])
        #expect(reading.engine("EMC")?.load == nil)
    }

    @Test func `a Nano has memory of its boot processor`() throws {
        let reading = try Samples.reading(with: "RAM 534/3964MB")
        #expect(reading.iram?.total == 252 << 10)
        #expect(reading.iram?.largestFree == 252 << 10)
        #expect(reading.iram?.largestFreeCount == nil)
        #expect(reading.boardMilliwatts == 1022)
        #expect(reading.hottest == 39.5)
    }

    @Test func `a TX2 has cores that are off in the middle`() throws {
        let reading = try Samples.reading(with: "RAM 1436/7852MB")
        #expect(reading.cores.map(\.isOn) == [true, false, false, true, true, true])
        #expect(reading.boardMilliwatts == 2057)
        #expect(reading.rail("VDD_SYS_DDR")?.mean == 477)
    }

    @Test func `a TX2 tells foreground and background apart`() throws {
        let reading = try Samples.reading(with: "MTS fg 1% bg 9%")
        #expect(reading.mts == .init(foreground: 0.01, background: 0.09))
    }

    @Test func `a TK1 writes small letters and names without suffix`() throws {
        let reading = try Samples.reading(with: "cpu [25%,7%,1%,1%]@2218")
        #expect(reading.cores.map(\.megahertz) == [2218, 2218, 2218, 2218])
        #expect(reading.engine("EMC")?.load == 0.03)
        #expect(reading.engine("AVP")?.megahertz == [81])
        #expect(reading.engine("VDE")?.megahertz == [120])
        #expect(reading.unknown == ["EDP", "limit", "0"])
        #expect(reading.boardMilliwatts == nil)
        #expect(reading.hottest == nil)
    }

    @Test func `a DRIVE build writes loads without clocks`() throws {
        let reading = try Samples.reading(with: "06-07-2023 14:39:04")
        #expect(reading.gpuLoad == 0.93)
        #expect(reading.engine("GR3D", 2)?.load == 0.82)
        #expect(reading.engine("NVDLA", 1)?.load == 0)
        #expect(reading.engine("EMC")?.load == nil)
    }

    @Test func `a charger that always tells the same is not the hottest`() throws {
        #expect(try Samples.reading(with: "Charger@115C").hottest == 41.5)
    }
}
