import FleetCore
import Foundation

/// Jobs of a fleet that has done a million, the same ones each time.
struct PastJobs {
    static let count = 1_000_000
    /// Submitted every other job, and none of these failed.
    static let unfailing: SubmitterName = "steady"
    /// A word that all others have.
    static let athome = "indoors"
    /// All pieces of three characters are common, and no job has all in a row.
    static let scattered = "setsunsetsunsetsun"
    /// What ids are made of.
    private static let letters = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// When the first one was submitted, and how far they are apart.
    let start: Instant
    let apart: Duration
    private var random = SeededGenerator(seed: 1)

    init(from start: Instant, apart: Duration) {
        self.start = start
        self.apart = apart
    }

    /// When a job was submitted.
    func time(of number: Int) -> Instant { start + apart * number }

    /// One of them; to be asked for in their order.
    mutating func job(_ number: Int) -> Job {
        let kind = JobKind.allCases[number % JobKind.allCases.count]
        let isUnfailing = number % 2 == 0
        let words = (0..<10).map { _ in Self.word(&random) } + (isUnfailing ? [] : [Self.athome])
        let prompt = words.joined(separator: " ")
        var request = JobRequest(kind: kind, input: #"{"prompt":"\#(prompt) #\#(number)."}"#)
        request.labels = [
            .init(key: "album", value: "\(Int.random(in: 0..<1_000, using: &random))")
        ]
        if isUnfailing {
            request.submitter = Self.unfailing
        } else {
            request.labels.append(.init(key: "site", value: "home"))
        }
        let at = time(of: number)
        var job = Job(
            id: Self.id(at: at, &random), request: request,
            queue: ClusterName("cluster-\(kind.rawValue)"), submittedAt: at)
        var attempt = Attempt(
            number: 1, node: NodeName("agx-0\(Int.random(in: 1...9, using: &random))"),
            worker: nil, roamer: false, hedge: false, assignedAt: at)
        let isFailed = !isUnfailing && Int.random(in: 0..<25, using: &random) == 0
        attempt.state = isFailed ? .failed : .succeeded
        (attempt.startedAt, attempt.finishedAt) = (at, at)
        job.attempts = [attempt]
        job.ending = .init(outcome: isFailed ? .failed : .succeeded, at: at, outputs: [])
        return job
    }

    /// An id of the form that a controller's have: ten letters of the time, and sixteen of chance.
    ///
    /// The record keeps past jobs by the beginnings of their ids.
    private static func id(
        at time: Instant, _ random: inout some RandomNumberGenerator
    ) -> JobID {
        let milliseconds = time.nanoseconds / 1_000_000
        var text: [UInt8] = []
        for shift in stride(from: Int64(45), through: 0, by: -5) {
            text.append(letters[Int((milliseconds >> shift) & 31)])
        }
        for _ in 0..<16 { text.append(letters[Int.random(in: 0..<32, using: &random)]) }
        return JobID(String(decoding: text, as: UTF8.self))
    }

    /// A word of a small language, the first ones more often.
    static func word(_ random: inout some RandomNumberGenerator) -> String {
        let syllables = ["sun", "set", "ra", "mo", "li", "ka", "ter", "no", "vi", "el"]
        let rank = Int(pow(Double.random(in: 0..<1, using: &random), 2) * 1_000)
        return syllables[rank / 100] + syllables[rank / 10 % 10] + syllables[rank % 10]
    }
}
