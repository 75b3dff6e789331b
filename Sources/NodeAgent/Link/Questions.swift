import FleetCore
import Synchronization

/// Questions to the controller that wait for their answers.
final class Questions<Answer: Sendable & Equatable>: Sendable {
    private struct State {
        var last: UInt64 = 0
        var pending: [UInt64: Latest<Answer?>] = [:]
    }
    private let link: AgentLink
    private let state = Mutex(State())

    /// How long the controller may take to answer.
    private static var answerWithin: Duration { .seconds(30) }

    init(link: AgentLink) { self.link = link }

    /// Asks until there is an answer.
    ///
    /// Waits for the link as long as it takes; throws `CancellationError`.
    func ask(_ question: (UInt64) -> AgentMessage) async throws -> Answer {
        while true {
            let epoch = try await link.live.wait { $0 != nil }
            let answer = Latest<Answer?>(nil)
            let id = state.withLock { state in
                state.last += 1
                state.pending[state.last] = answer
                return state.last
            }
            defer { _ = state.withLock { $0.pending.removeValue(forKey: id) } }
            guard link.sendLive(question(id)) else { continue }
            if let answer = try await wait(answer, epoch) { return answer }
        }
    }

    /// Waits until the answer comes, the link breaks or the time is over.
    private func wait(_ answer: Latest<Answer?>, _ epoch: UInt64?) async throws -> Answer? {
        let link = link
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            group.addTask { try await answer.wait { $0 != nil } }
            group.addTask {
                _ = try await link.live.wait { $0 != epoch }
                return nil
            }
            group.addTask {
                try await Task.sleep(for: Self.answerWithin, clock: .continuous)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
    }

    /// The answer to a question; one that nobody waits for any more is dropped.
    func answered(_ id: UInt64, _ answer: Answer) {
        state.withLock { $0.pending[id] }?.set(answer)
    }
}

/// Asks the controller where outputs may be put.
final class UploadDesk: Sendable {
    private let questions: Questions<UploadGrant>

    init(link: AgentLink) {
        let questions = Questions<UploadGrant>(link: link)
        self.questions = questions
        link.uploadAnswers.withLock { $0 = { questions.answered($0, $1) } }
    }

    /// A grant, or a refusal.
    func grant(_ request: UploadRequest) async throws -> UploadGrant {
        try await questions.ask { .uploadRequest(id: $0, request) }
    }
}

/// Asks the controller what inputs refer to.
final class InputDesk: Sendable {
    private let questions: Questions<InputGrant>

    init(link: AgentLink) {
        let questions = Questions<InputGrant>(link: link)
        self.questions = questions
        link.inputAnswers.withLock { $0 = { questions.answered($0, $1) } }
    }

    /// Every file that a reference means; throws the failure when it is refused.
    func files(
        _ word: String, _ text: String, for key: AttemptKey
    ) async throws -> (files: [InputGrant.File], isList: Bool) {
        var files: [InputGrant.File] = []
        while true {
            let request = InputRequest(key: key, word: word, text: text, offset: files.count)
            let grant = try await questions.ask { .inputRequest(id: $0, request) }
            guard grant.refusal.isEmpty else {
                throw Failure(grant.isPassing ? .inputUnavailable : .inputMissing, grant.refusal)
            }
            files += grant.files
            guard files.count < grant.total, !grant.files.isEmpty, files.count < Self.most else {
                return (files, grant.isList)
            }
        }
    }

    /// Files of one reference, however many the controller says there are.
    private static let most = 10_000
}
