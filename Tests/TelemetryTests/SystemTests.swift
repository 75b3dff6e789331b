import Testing

@testable import Telemetry

@Suite struct ProcTests {
    @Test func `memory is read`() {
        let facts = MemoryFacts(
            parsing: """
                MemTotal:  1000 kB
                MemFree: 100 kB
                MemAvailable:   400 kB
                SwapTotal: 50 kB
                SwapFree: 20 kB
                """)
        #expect(facts.total == 1000 << 10)
        #expect(facts.used == 600 << 10)
        #expect(facts.swapTotal == 50 << 10)
        #expect(facts.swapUsed == 30 << 10)
        #expect(MemoryFacts(parsing: "MemTotal: x\n").total == nil)
        #expect(MemoryFacts(parsing: "MemTotal: 5 kB\nMemAvailable: 9 kB").used == nil)
        #expect(MemoryFacts(parsing: "MemTotal: 5 kB").swapTotal == nil)
        #expect(MemoryFacts(parsing: "MemTotal: 18446744073709551615 kB").total == nil)
    }

    @Test func `processor use is read`() throws {
        let first = try #require(CPUTimes(parsing: "cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1"))
        let second = try #require(CPUTimes(parsing: "cpu  150 0 150 800 200 0 0 0 0 0"))
        let use = try #require(second.use(since: first))
        #expect(abs(use - 100.0 / 300.0) < 0.001)
        #expect(first.use(since: first) == nil)
        #expect(first.use(since: second) == nil)
        #expect(CPUTimes(parsing: "") == nil)
        #expect(CPUTimes(parsing: "cpu 1 2") == nil)
    }

    @Test func `ticks beyond any count do not trap`() throws {
        let most = String(UInt64.max)
        let times = try #require(CPUTimes(parsing: "cpu  \(most) \(most) 1 \(most) \(most)"))
        #expect(times.use(since: times) == nil)
    }
}

@Suite struct SystemTreeTests {
    @Test func `a file is read and its absence is seen`() throws {
        let scratch = try Scratch()
        try scratch.write(["/a/number": "  42\n", "/a/word": "one  two\n", "/a/empty": ""])
        #expect(scratch.tree.number("/a/number") == 42)
        #expect(scratch.tree.line("/a/word") == "one two")
        #expect(scratch.tree.number("/a/word") == nil)
        #expect(scratch.tree.line("/a/empty") == nil)
        #expect(scratch.tree.text("/a/none") == nil)
        #expect(scratch.tree.text("/a") == nil)
        #expect(scratch.tree.names("/a") == ["empty", "number", "word"])
        #expect(scratch.tree.names("/b") == [])
    }

    @Test func `a file is read up to a bound`() throws {
        let scratch = try Scratch()
        try scratch.write("/long", String(repeating: "x", count: 200_000))
        #expect(scratch.tree.text("/long")?.utf8.count == 64 << 10)
    }

    @Test func `only what can be run is a program`() throws {
        let scratch = try Scratch()
        try scratch.write("/bin/tool", "", isProgram: true)
        try scratch.write("/bin/text", "")
        #expect(scratch.tree.hasProgram("/bin/tool"))
        #expect(!scratch.tree.hasProgram("/bin/none"))
    }
}

@Suite struct SysfsTests {
    @Test(arguments: ["/sys/devices/gpu.0/load", "/sys/devices/platform/gpu.0/load"])
    func `the GPU's load is per mille`(path: String) throws {
        let scratch = try Scratch()
        #expect(GPULoadFile(in: scratch.tree) == nil)
        try scratch.write(path, "985\n")
        let file = try #require(GPULoadFile(in: scratch.tree))
        #expect(file.read(scratch.tree) == 0.985)
        try scratch.write(path, "1001\n")
        #expect(file.read(scratch.tree) == nil)
    }

    @Test func `the GPU is found by what the device tree calls it`() throws {
        let scratch = try Scratch()
        let devices = "/sys/class/devfreq"
        try scratch.write([
            "\(devices)/15340000.vic/device/of_node/name": "vic\0",
            "\(devices)/15340000.vic/device/load": "7",
            "\(devices)/17000000.gpu/device/of_node/name": "ga10b\0",
            "\(devices)/17000000.gpu/device/load": "120",
        ])
        #expect(try #require(GPULoadFile(in: scratch.tree)).read(scratch.tree) == 0.12)
    }

    @Test func `sensors without power are left out and equal names are told apart`() throws {
        let scratch = try Scratch()
        let zones = "/sys/devices/virtual/thermal/thermal_zone"
        try scratch.write([
            "\(zones)0/type": "cpu-thermal\n", "\(zones)0/temp": "45500\n",
            "\(zones)1/type": "gpu-thermal\n", "\(zones)1/temp": "-256000\n",
            "\(zones)2/type": "acpitz\n", "\(zones)2/temp": "40000\n",
            "\(zones)3/type": "acpitz\n", "\(zones)3/temp": "41000\n",
            "\(zones)4/type": "cv0-thermal\n",
            "\(zones)5/temp": "1000\n",
        ])
        let read = ThermalZones(in: scratch.tree).read(scratch.tree)
        #expect(read.map(\.name) == ["cpu-thermal", "acpitz-2", "acpitz-3"])
        #expect(read.map(\.celsius) == [45.5, 40, 41])
    }

    @Test func `an INA3221 tells millivolts and milliamperes`() throws {
        let scratch = try Scratch()
        let first = "/sys/bus/i2c/devices/1-0040"
        let second = "/sys/bus/i2c/devices/1-0041"
        try scratch.write([
            "\(first)/name": "ina3221\n",
            "\(first)/hwmon/hwmon3/in1_label": "VDD_GPU_SOC\n",
            "\(first)/hwmon/hwmon3/in1_input": "19000\n",
            "\(first)/hwmon/hwmon3/curr1_input": "152\n",
            "\(first)/hwmon/hwmon3/in2_label": "VDD_CPU_CV\n",
            "\(first)/hwmon/hwmon3/in2_input": "19008\n",
            "\(first)/hwmon/hwmon3/curr2_input": "20\n",
            "\(first)/hwmon/hwmon3/in3_label": "NC\n",
            "\(first)/hwmon/hwmon3/in7_label": "sum of shunt voltages\n",
            "\(second)/name": "ina3221\n",
            "\(second)/hwmon/hwmon4/in1_label": "NC\n",
            "/sys/bus/i2c/devices/0-0050/name": "24c02\n",
        ])
        let rails = PowerRails(in: scratch.tree)
        let read = rails.read(scratch.tree)
        #expect(read.map(\.name) == ["VDD_GPU_SOC", "VDD_CPU_CV"])
        #expect(read.map(\.milliwatts) == [2888, 380])
        #expect(rails.board(read) == 3268)
        #expect(rails.board(Array(read.dropLast())) == nil)
    }

    @Test func `JetPack 4 tells milliwatts`() throws {
        let scratch = try Scratch()
        let device = "/sys/bus/i2c/devices/1-0040"
        try scratch.write([
            "\(device)/name": "ina3221x\n",
            "\(device)/iio:device0/rail_name_0": "GPU\n",
            "\(device)/iio:device0/in_power0_input": "1155\n",
            "\(device)/iio:device0/rail_name_1": "CPU\n",
            "\(device)/iio:device0/in_power1_input": "385\n",
            "\(device)/iio:device0/rail_name_2": "NC\n",
        ])
        let rails = PowerRails(in: scratch.tree)
        #expect(rails.read(scratch.tree).map(\.milliwatts) == [1155, 385])
        #expect(rails.board(rails.read(scratch.tree)) == 1540)
    }

    @Test func `an INA238 tells the whole board`() throws {
        let scratch = try Scratch()
        let devices = "/sys/bus/i2c/devices"
        try scratch.write([
            "\(devices)/2-0044/name": "ina238\n",
            "\(devices)/2-0044/hwmon/hwmon1/power1_input": "26686000\n",
            "\(devices)/2-0040/name": "ina3221\n",
            "\(devices)/2-0040/hwmon/hwmon2/in1_label": "VDD_GPU\n",
            "\(devices)/2-0040/hwmon/hwmon2/in1_input": "1000\n",
            "\(devices)/2-0040/hwmon/hwmon2/curr1_input": "9223372036854775807\n",
        ])
        let rails = PowerRails(in: scratch.tree)
        #expect(rails.read(scratch.tree).map(\.name) == ["VIN"])
        #expect(rails.board(rails.read(scratch.tree)) == 26_686)
    }

    @Test func `the power mode has a name or a number`() throws {
        let scratch = try Scratch()
        #expect(PowerMode.read(scratch.tree) == nil)
        try scratch.write("/var/lib/nvpmodel/status", "pmode:0002 fmode:quiet\n")
        #expect(PowerMode.read(scratch.tree) == "2")
        try scratch.write(
            "/etc/nvpmodel.conf",
            "# x\n< POWER_MODEL ID=0 NAME=MAXN >\n< POWER_MODEL ID=2 NAME=MODE_30W >\n")
        #expect(PowerMode.read(scratch.tree) == "MODE_30W")
        try scratch.write("/var/lib/nvpmodel/status", "pmode:\n")
        #expect(PowerMode.read(scratch.tree) == nil)
    }
}

@Suite struct NvidiaSMITests {
    private func read(_ line: String) -> NvidiaSMI? { NvidiaSMI(parsing: Array(line.utf8)) }

    @Test func `a line of a Spark is read`() throws {
        let reading = try #require(read("93, 61, 41.73\r"))
        #expect(reading.load == 0.93)
        #expect(reading.celsius == 61)
        #expect(reading.watts == 41.73)
    }

    @Test(arguments: ["N/A", "[N/A]", "[Not Supported]", "[Unknown Error]", "", "nan", "-1"])
    func `what the GPU does not tell is absent`(word: String) throws {
        let reading = try #require(read("\(word), 61, \(word)"))
        #expect(reading.load == nil && reading.watts == nil)
        #expect(reading.celsius == 61)
    }

    @Test(arguments: [
        "", "N/A, N/A, N/A", "1, 2", "1, 2, 3, 4", "No devices were found",
        "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.",
        String(repeating: "1", count: 600),
    ])
    func `what is no such line has no value`(line: String) {
        #expect(read(line) == nil)
    }
}
