import Testing

@testable import Telemetry

@Suite struct MachineSamplerTests {
    private func machine() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.write([
            "/proc/meminfo": """
            MemTotal: 1000 kB
            MemAvailable: 400 kB
            SwapTotal: 10 kB
            SwapFree: 9 kB
            """,
            "/proc/stat": "cpu  100 0 100 700 100 0 0 0 0 0\n",
            "/sys/devices/gpu.0/load": "500\n",
            "/sys/devices/virtual/thermal/thermal_zone0/type": "CPU-therm\n",
            "/sys/devices/virtual/thermal/thermal_zone0/temp": "50000\n",
            "/sys/devices/virtual/thermal/thermal_zone1/type": "PMIC-Die\n",
            "/sys/devices/virtual/thermal/thermal_zone1/temp": "100000\n",
            "/sys/bus/i2c/devices/1-0040/name": "ina3221x\n",
            "/sys/bus/i2c/devices/1-0040/iio:device0/rail_name_0": "VDD_IN\n",
            "/sys/bus/i2c/devices/1-0040/iio:device0/in_power0_input": "5297\n",
            "/var/lib/nvpmodel/status": "pmode:0000\n",
            "/etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN+ >\n",
        ])
        return scratch
    }

    private func sampler(_ scratch: Scratch, _ line: String?) throws -> MachineSampler {
        let reading = try line.map { SensorLine.tegrastats(try TegrastatsReading(parsing: $0)) }
        return MachineSampler(tree: scratch.tree, lines: { reading.map { [$0] } ?? [] })
    }

    @Test func `the kernel tells what it can without a program`() throws {
        let scratch = try machine()
        var sampler = try sampler(scratch, nil)
        let sample = sampler.sample()
        #expect(sample.cpu == nil)
        #expect(sample.gpu == 0.5)
        #expect(sample.memoryUsed == 600 << 10)
        #expect(sample.memoryTotal == 1000 << 10)
        #expect(sample.swapUsed == 1 << 10)
        #expect(sample.swapTotal == 10 << 10)
        #expect(sample.temperature == 50)
        #expect(sample.power == 5.297)
        #expect(sample.temperatures.map(\.name) == ["cpu-therm", "pmic-die"])
        #expect(sample.watts == [.init(name: "VDD_IN", value: 5.297)])
        #expect(sample.powerMode == "MAXN_")
        try scratch.write("/proc/stat", "cpu  150 0 150 800 100 0 0 0 0 0\n")
        #expect(sampler.sample().cpu == 0.5)
    }

    @Test func `what tegrastats tells is believed before the kernel`() throws {
        let scratch = try machine()
        var sampler = try sampler(
            scratch, "RAM 1/2MB GR3D_FREQ 7% tj@60C PMIC@100C VDD_A 1000mW/1mW VDD_B 250mW/1mW")
        let sample = sampler.sample()
        #expect(sample.gpu == 0.07)
        #expect(sample.memoryTotal == 1000 << 10)
        #expect(sample.temperature == 60)
        #expect(sample.temperatures.map(\.name) == ["pmic", "tj"])
        #expect(sample.power == 1.25)
        #expect(sample.watts.map(\.value) == [1, 0.25])
    }

    @Test func `what tegrastats lacks comes from the kernel`() throws {
        let scratch = try machine()
        var sampler = try sampler(scratch, "RAM 1/2MB GR3D_FREQ @[314,314,314]")
        let sample = sampler.sample()
        #expect(sample.gpu == 0.5)
        #expect(sample.temperature == 50)
        #expect(sample.power == 5.297)
    }

    @Test func `on a Thor nvidia-smi tells what tegrastats keeps from all but root`() throws {
        let scratch = try Scratch()
        for program in ["tegrastats", "nvidia-smi"] {
            try scratch.write("/usr/bin/\(program)", "", isProgram: true)
        }
        #expect(
            SensorLine.Source.find(in: scratch.tree) == [.tegrastats], "an Orin's tells nothing")
        try scratch.write("/sys/class/devfreq/gpu-gpc-0/governor", "")
        #expect(SensorLine.Source.find(in: scratch.tree) == [.tegrastats, .nvidiaSMI])
        let lines: [SensorLine] = [
            .tegrastats(try TegrastatsReading(parsing: "RAM 1/2MB gpu@40C VIN 9000mW/9000mW")),
            .gpu(try #require(NvidiaSMI(parsing: Array("37, 41, [N/A]".utf8)))),
        ]
        var sampler = MachineSampler(tree: scratch.tree, lines: { lines })
        let sample = sampler.sample()
        #expect(sample.gpu == 0.37)
        #expect(sample.temperatures == [.init(name: "gpu", value: 40)])
        #expect(sample.power == 9)
    }

    @Test func `nothing is absent, not zero`() throws {
        let scratch = try Scratch()
        var sampler = try sampler(scratch, nil)
        #expect(sampler.sample() == MachineSample())
    }

    @Test func `drivers that come late are found`() throws {
        let scratch = try Scratch()
        var sampler = try sampler(scratch, nil)
        #expect(sampler.sample().gpu == nil)
        try scratch.write("/sys/devices/gpu.0/load", "250\n")
        for _ in 0..<60 { _ = sampler.sample() }
        #expect(sampler.sample().gpu == 0.25)
    }

    @Test func `names are plain, unlike and few`() {
        let values = MachineSample.values([("b c\"\n", 1), ("b_c__", 2), ("", 3), ("a", 4)])
        #expect(values.map(\.name) == ["_", "a", "b_c__"])
        #expect(values.last?.value == 1)
        let many = MachineSample.values((0..<200).map { ("n\($0)", Double($0)) })
        #expect(many.count == MachineSample.valuesMax)
        #expect(MachineSample.plain(String(repeating: "ä", count: 100)).utf8.count == 64)
    }

    @Test func `this machine tells`() throws {
        var sampler = MachineSensors(report: { _ in }).sampler()
        let sample = sampler.sample()
        #expect(try #require(sample.memoryUsed) < #require(sample.memoryTotal))
        #expect(MachineSampler.memory()?.total == sample.memoryTotal)
    }
}
