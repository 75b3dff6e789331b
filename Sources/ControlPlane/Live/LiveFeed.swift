import FleetCore
import NIOCore
import OrderedCollections
import Settings
import Synchronization

/// Tells those who follow how jobs and nodes are that they follow, a few times a second while somebody does.
///
/// It looks at the machine and writes what has changed since: so it costs nothing when nobody follows, and as
/// much for ten thousand readers as for one but for the bytes. A slow reader finds the latest.
package final class LiveFeed: Sendable {
    private struct Follower {
        weak var reader: EventReader?
        let topics: Topics
        /// Whether it has been told nothing yet.
        var isNew = true
    }

    private struct State {
        var followers: [Follower] = []
        /// What was written last, of what somebody follows.
        var last: [LiveSubject: (value: LiveValue, frame: ByteBuffer)] = [:]
    }

    private let loop: ControlLoop
    private let state = Mutex(State())
    private let signal = Signal()

    /// How often it is looked.
    private static let every = Duration.milliseconds(200)
    /// Jobs looked at for those who follow all that run.
    private static let jobsMax = 1_000

    /// Creates a feed of a machine.
    package init(loop: ControlLoop) { self.loop = loop }

    /// Tells a reader what it wants of what is in no event, from now on and as long as it is there.
    func follow(_ topics: Topics, with reader: EventReader) {
        guard topics.wantsLive else { return }
        state.withLock { $0.followers.append(Follower(reader: reader, topics: topics)) }
        signal.nudge()
    }

    /// Looks and tells, until cancelled.
    package func run() async {
        while !Task.isCancelled {
            guard hasFollowers() else {
                await signal.wait()
                continue
            }
            await look()
            try? await Task.sleep(for: Self.every, clock: .continuous)
        }
    }

    private func hasFollowers() -> Bool {
        state.withLock { state in
            state.followers.removeAll { $0.reader == nil }
            if state.followers.isEmpty { state.last = [:] }
            return !state.followers.isEmpty
        }
    }

    /// Looks once, and tells what has changed.
    func look() async {
        let topics = state.withLock { $0.followers.map(\.topics) }
        let wanted = Wanted(topics)
        let values = await loop.read { controller, now in wanted.look(controller, now) }
        tell(values)
    }

    private func tell(_ values: [(LiveSubject, LiveValue)]) {
        state.withLock { state in
            var changed: OrderedSet<LiveSubject> = []
            var now: [LiveSubject: (value: LiveValue, frame: ByteBuffer)] = [:]
            for (subject, value) in values {
                if let last = state.last[subject], !value.isNews(after: last.value) {
                    now[subject] = last
                } else if let frame = try? value.frame() {
                    now[subject] = (value, frame)
                    changed.append(subject)
                }
            }
            state.last = now
            for index in state.followers.indices {
                let follower = state.followers[index]
                let subjects = follower.isNew ? OrderedSet(values.map(\.0)) : changed
                state.followers[index].isNew = false
                follower.reader?.offer(
                    subjects.filter { follower.topics.wants($0) }.compactMap { subject in
                        now[subject].map { (subject, $0.frame) }
                    })
            }
        }
    }

    /// What any reader wants.
    private struct Wanted: Sendable {
        var jobs: Set<JobID> = []
        var nodes: Set<NodeName> = []
        var telemetry = false
        var progress = false

        init(_ topics: [Topics]) {
            for topic in topics {
                jobs.formUnion(topic.jobs)
                nodes.formUnion(topic.nodes)
                telemetry = telemetry || topic.telemetry
                progress = progress || topic.progress
            }
        }

        func look(_ controller: Controller, _ now: Instant) -> [(LiveSubject, LiveValue)] {
            var found: [(LiveSubject, LiveValue)] = []
            for (name, node) in controller.nodes where telemetry || nodes.contains(name) {
                guard !node.retired else { continue }
                found.append((.node(name), .node(.init(node, now))))
            }
            var jobs = self.jobs
            if progress {
                let running = controller.nodes.values.lazy.flatMap(\.attempts).map(\.job)
                jobs.formUnion(running.prefix(LiveFeed.jobsMax))
            }
            for id in jobs.sorted() {
                guard let job = controller.jobs[id], job.ending == nil else { continue }
                found.append((.job(id), .job(.init(job, controller, now))))
            }
            return found
        }
    }
}
