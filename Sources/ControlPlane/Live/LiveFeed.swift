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
        /// The last job that was looked at, where there are too many for one look.
        var place: JobID?
    }

    private let loop: ControlLoop
    private let state = Mutex(State())
    private let signal = Signal()

    /// How often it is looked.
    private static let every = Duration.milliseconds(200)
    private static let atLeastEvery = Duration.seconds(2)
    /// Jobs looked at in one look, while the loop waits; of more, some each time.
    private static let jobsMax = 500

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
            // A look that holds the loop up is taken more rarely.
            let pause = min(max(Self.every, await look() * 10), Self.atLeastEvery)
            try? await Task.sleep(for: pause, clock: .continuous)
        }
    }

    private func hasFollowers() -> Bool {
        state.withLock { state in
            state.followers.removeAll { $0.reader == nil }
            if state.followers.isEmpty { state.last = [:] }
            return !state.followers.isEmpty
        }
    }

    /// Looks once, and tells what has changed; how long the loop was held up.
    @discardableResult
    func look() async -> Duration {
        let (topics, place) = state.withLock { ($0.followers.map(\.topics), $0.place) }
        let wanted = Wanted(topics)
        let look = await loop.read { controller, now in wanted.look(controller, now, after: place) }
        tell(look.values, keeping: look.others, look.place)
        return look.took
    }

    private func tell(
        _ values: [(LiveSubject, LiveValue)], keeping others: Set<JobID>, _ place: JobID?
    ) {
        state.withLock { state in
            state.place = place
            var changed: OrderedSet<LiveSubject> = []
            // Those that were not looked at are as they were told.
            var now = state.last.filter { subject, _ in
                if case .job(let id) = subject { others.contains(id) } else { false }
            }
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
                let subjects = follower.isNew ? OrderedSet(now.keys) : changed
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

        /// What one look has found.
        struct Look: Sendable {
            var values: [(LiveSubject, LiveValue)] = []
            /// Jobs for the next looks.
            var others: Set<JobID> = []
            /// The last job looked at; nil when all were.
            var place: JobID?
            var took = Duration.zero
        }

        func look(_ controller: Controller, _ now: Instant, after place: JobID?) -> Look {
            var look = Look()
            let start = ContinuousClock.now
            defer { look.took = ContinuousClock.now - start }
            for (name, node) in controller.nodes where telemetry || nodes.contains(name) {
                guard !node.retired else { continue }
                look.values.append((.node(name), .node(.init(node, now))))
            }
            func isAlive(_ id: JobID) -> Bool {
                controller.jobs[id].map { $0.ending == nil } ?? false
            }
            // Who names a job wants to know it most.
            var ids = jobs.filter(isAlive).sorted()
            var turning: [JobID] = []
            if ids.count > LiveFeed.jobsMax {
                (ids, turning) = ([], ids)
            } else if progress {
                let running = Set(controller.nodes.values.lazy.flatMap(\.attempts).map(\.job))
                turning = running.subtracting(ids).filter(isAlive).sorted()
            }
            let room = LiveFeed.jobsMax - ids.count
            if turning.count > room {
                // Round and round.
                let start = place.flatMap { place in turning.firstIndex { $0 > place } } ?? 0
                turning = Array(turning[start...] + turning[..<start])
                look.others = Set(turning.dropFirst(room))
                turning = Array(turning.prefix(room))
                look.place = turning.last
            }
            ids += turning
            for id in ids {
                guard let job = controller.jobs[id] else { continue }
                look.values.append((.job(id), .job(.init(job, controller, now))))
            }
            return look
        }
    }
}
