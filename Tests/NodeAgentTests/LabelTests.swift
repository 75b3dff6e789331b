import DockerEngine
import FleetCore
import Testing

@testable import NodeAgent

@Suite struct LabelTests {
    let labels = NodeLabels(fleet: "jessica", node: "agx-01")

    @Test func namesAreReadable() {
        #expect(labels.network == "jessica-agx-01")
        #expect(labels.name(WorkerID("sdxl-api")) == "jessica-agx-01-sdxl-api")
        let key = AttemptKey(job: "01JABC", number: 2)
        #expect(labels.name(key) == "jessica-agx-01-01JABC-2")
        #expect(NodeLabels.plain(key) == "01JABC-2")
    }

    @Test(arguments: [
        "../../etc", "a/b", "", ".", "-x", "a b", "ä", "a:b@c", String(repeating: "x", count: 65),
    ])
    func strangeNamesBecomeSafe(_ text: String) {
        let name = PlainName.make(text)
        #expect(name != text)
        #expect(PlainName.make(name) == name)
        #expect((1...64).contains(name.utf8.count))
        #expect(!name.contains("/") && !name.contains("."))
        #expect(PlainName.make(text + "!") != name)
    }

    @Test func purposeComesBack() {
        let spec = WorkerSpec(image: "a:1")
        let worker = labels.labels(WorkerID("w-1"), spec)
        #expect(labels.purpose(worker) == .worker("w-1", fingerprint: spec.fingerprint))
        let key = AttemptKey(job: "J/x", number: 7)
        #expect(labels.purpose(labels.labels(key)) == .attempt(key))
        for change in [["jessica.attempt": "0"], ["jessica.attempt": "x"], ["jessica.job": ""]] {
            let odd = labels.labels(key).merging(change) { $1 }
            #expect(labels.purpose(odd) == .other)
        }
        #expect(labels.purpose(labels.common) == .other)
    }

    private func info(
        _ state: ContainerState, _ more: [String: String] = [:], code: Int = 0, oom: Bool = false
    ) -> ContainerInfo {
        ContainerInfo(
            id: "c1", name: "x", imageID: "sha256:1", state: state, exitCode: code,
            oomKilled: oom,
            labels: labels.labels(AttemptKey(job: "J", number: 1)).merging(more) { $1 },
            ipAddresses: ["jessica-agx-01": "10.1.0.2"])
    }

    @Test func onlyOwnContainersAreFacts() {
        #expect(labels.fact(info(.running)) != nil)
        #expect(labels.fact(info(.running, ["jessica.node": "agx-02"])) == nil)
        #expect(labels.fact(info(.running, ["jessica.fleet": "other"])) == nil)
    }

    @Test func factsSayHowItEnded() throws {
        let running = try #require(labels.fact(info(.running)))
        #expect(running.isRunning && running.exitCode == nil)
        #expect(running.address == "10.1.0.2:5000")
        let ended = try #require(labels.fact(info(.exited, code: 3)))
        #expect(!ended.isRunning && ended.exitCode == 3 && !ended.outOfMemory)
        #expect(try #require(labels.fact(info(.exited, code: 137, oom: true))).outOfMemory)
        #expect(
            try #require(labels.fact(info(.exited, code: 137), ranOutOfMemory: true)).outOfMemory)
        // A child was killed, the command coped.
        #expect(!(try #require(labels.fact(info(.exited, code: 0, oom: true))).outOfMemory))
    }
}
