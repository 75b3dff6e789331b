import Testing

@testable import Telemetry

@Suite struct ContainerTests {
    private static let id = String(repeating: "0af9", count: 16)
    private static let unified = "/sys/fs/cgroup/system.slice/docker-\(id).scope"

    @Test func `a container of the second version is measured, without the cache it does not need`()
        throws
    {
        let scratch = try Scratch()
        try scratch.write([
            Self.unified + "/memory.current": "5000\n",
            Self.unified + "/memory.stat": "anon 1\ninactive_file 2000\n",
            Self.unified + "/cpu.stat": "usage_usec 1000000\nuser_usec 5\n",
        ])
        var meter = ContainerMeter(groups: ControlGroups(tree: scratch.tree))
        let start = ContinuousClock.now
        let first = meter.measure([Self.id, "gone"], at: start)
        #expect(first.map(\.memory) == [3000])
        #expect(first.map(\.cpu) == [nil])
        try scratch.write(Self.unified + "/cpu.stat", "usage_usec 4000000\n")
        let second = meter.measure([Self.id], at: start + .seconds(2))
        #expect(second.map(\.cpu) == [1.5])
        // One that was made anew counts from zero.
        try scratch.write(Self.unified + "/cpu.stat", "usage_usec 10\n")
        #expect(meter.measure([Self.id], at: start + .seconds(4)).map(\.cpu) == [nil])
    }

    @Test func `a container of the first version is measured too`() throws {
        let scratch = try Scratch()
        try scratch.write([
            "/sys/fs/cgroup/memory/docker/\(Self.id)/memory.usage_in_bytes": "700\n",
            "/sys/fs/cgroup/memory/docker/\(Self.id)/memory.stat": "total_inactive_file 800\n",
            "/sys/fs/cgroup/cpu,cpuacct/docker/\(Self.id)/cpuacct.usage": "42\n",
        ])
        let use = ControlGroups(tree: scratch.tree).use(of: Self.id)
        #expect(use == ControlGroups.Use(processor: 42, memory: 0))
    }

    @Test(arguments: [
        "/sys/fs/cgroup/docker/\(id)", "/sys/fs/cgroup/pids/docker/\(id)",
        "/sys/fs/cgroup/devices/system.slice/docker-\(id).scope", unified,
    ]) func `a process that outlives its container is seen`(folder: String) throws {
        let scratch = try Scratch()
        let groups = ControlGroups(tree: scratch.tree)
        #expect(!groups.hasProcesses(of: Self.id))
        try scratch.write(folder + "/cgroup.procs", "")
        #expect(!groups.hasProcesses(of: Self.id))
        try scratch.write(folder + "/cgroup.procs", "4242\n")
        #expect(groups.hasProcesses(of: Self.id))
    }

    @Test(arguments: ["", "../..", "a/b", String(repeating: "A", count: 64)])
    func `what is no id of Docker is no path`(id: String) throws {
        let scratch = try Scratch()
        try scratch.write([
            "/sys/fs/cgroup/docker/\(id)/cgroup.procs": "1\n",
            "/sys/fs/cgroup/docker/\(id)/memory.current": "1\n",
        ])
        let groups = ControlGroups(tree: scratch.tree)
        #expect(!groups.hasProcesses(of: id))
        #expect(groups.use(of: id) == ControlGroups.Use())
    }
}
