import Foundation
import NIOHTTP1

extension APIClient {
    /// Waits between the tries of one submission; the controller may ask for longer ones.
    private static let submitWaits = [Duration.milliseconds(300), .seconds(1)]
    /// The longest wait that it may ask for.
    private static let submitPatience = Duration.seconds(10)

    /// A key that nobody has used yet.
    static func newKey() -> String { UUID().uuidString.lowercased() }

    /// Posts a job, a plan or a request under an idempotency key.
    ///
    /// So what may have arrived is sent again without doing the work twice, a few times; so is what is
    /// refused for now. When it is given up the key is named, for whoever goes on by hand.
    func submit<Model: Decodable & Sendable>(
        _ type: Model.Type, _ resource: Resource, _ body: JSONValue, key: String?, purpose: String,
        session: Session
    ) async throws -> Fetched<Model> {
        let key = key ?? Self.newKey()
        let call = Call(
            method: .POST, resource: resource, headers: [("Idempotency-Key", key)],
            body: Data(body.compact.utf8), purpose: purpose)
        let advice =
            "it may have been accepted; with --idempotency-key \(key) the same command does it once"
        session.farewell = ["interrupted; \(advice)"]
        var waits = Self.submitWaits[...]
        var mayHaveArrived = false
        // An earlier try is nearly always decided by then.
        var early = 15
        while true {
            do {
                let answer = try await object(type, call)
                session.farewell = []
                return answer
            } catch let failure as CommandError where failure.code == "in_flight" && early > 0 {
                // It came twice, and the first is being accepted.
                early -= 1
                mayHaveArrived = true
                try await session.context.pause(.seconds(1))
            } catch let failure as CommandError {
                mayHaveArrived = mayHaveArrived || failure.mayHaveArrived
                let isOpen =
                    mayHaveArrived && (failure.status.isPassing || failure.code == "in_flight")
                let longer = failure.retryAfter ?? .zero
                guard isOpen || failure.isTooMuchNow, longer <= Self.submitPatience,
                    let wait = waits.popFirst()
                else {
                    var failure = failure
                    if isOpen { failure.hint = advice }
                    throw failure
                }
                if failure.isTooMuchNow {
                    session.note(
                        "\(failure.why ?? "too much at once"); trying again in "
                            + "\(longer.components.seconds) s")
                }
                try await session.context.pause(max(wait, longer))
            }
        }
    }
}
