import FleetCore

/// The keys of the fleet's record, readable with plain redis-cli but for packed jobs.
///
/// | key | type | what |
/// |---|---|---|
/// | `j:<id>` | string | a job: JSON, and packed once it has ended |
/// | `p:<id>` | string | a plan: JSON, and packed once it has ended |
/// | `key:<kind>:<submitter> <key>` | string | digest and id of what was accepted under it |
/// | `plans` | sorted set | ids of plans by the second of their submission |
/// | `plans:active` | set | ids of plans not ended |
/// | `active` | set | ids of jobs not ended, or ended with an attempt still being stopped |
/// | `queue:<cluster>` | sorted set | waiting jobs; score: seconds of submission, moved by priority |
/// | `ended` | sorted set | jobs that have just ended, by the second of their end |
/// | `piece:<letters>` | hash | earlier ones, by the rest of their ids: the second of their end |
/// | `pieces:first`, `pieces:last` | sorted set | letters of pieces by the first and the last end in them |
/// | `long` | set | ended jobs whose record is still to be shortened |
/// | `node:<name>` | hash | `incarnation roamer` for people, `record` for us |
/// | `nodes` | set | names of nodes with a record |
/// | `tokens` | hash | a record for each token's name; never the token itself |
/// | `bans` | hash | a record for each banned node's name |
/// | `webhooks` | hash | a record for each webhook's name; its secret is sealed |
/// | `fleet` | hash | `revision at source spec` |
/// | `fleet:history` | list | earlier revisions, latest first |
/// | `events` | stream | what happened; the id is the event's number |
/// | `audit` | stream | who did what, and who was refused; the id is its time |
/// | `restored` | string | there for 30 days after a restore: so long no past job is deleted |
/// | `meta` | hash | `term owner …`, the counters, the clock |
struct FleetKeys: Sendable {
    let space: KeySpace

    func job(_ id: String) -> String { space.key("j:\(id)") }
    /// Where version 0.1 kept jobs before they were packed: a hash with `record`.
    func hashOfJob(_ id: String) -> String { space.key("job:\(id)") }
    func queue(_ name: String) -> String { space.key("queue:\(name)") }
    func node(_ name: String) -> String { space.key("node:\(name)") }
    func plan(_ id: String) -> String { space.key("p:\(id)") }
    func accepted(_ key: RequestKey) -> String { space.key("key:\(key.kind.rawValue):\(key.text)") }
    var tokens: String { space.key("tokens") }
    var bans: String { space.key("bans") }
    var webhooks: String { space.key("webhooks") }
    var plans: String { space.key("plans") }
    var activePlans: String { space.key("plans:active") }
    var active: String { space.key("active") }
    var ended: String { space.key("ended") }
    func piece(_ letters: String) -> String { space.key("piece:\(letters)") }
    var firstEnds: String { space.key("pieces:first") }
    var lastEnds: String { space.key("pieces:last") }
    var long: String { space.key("long") }
    var nodes: String { space.key("nodes") }
    var fleet: String { space.key("fleet") }
    var fleetHistory: String { space.key("fleet:history") }
    var audit: String { space.key("audit") }
    var events: String { space.key("events") }
    var restored: String { space.key("restored") }
    var meta: String { space.meta }
}
