import DequeModule
import FleetCore

/// A connection between an agent and one life of a controller, as TCP gives it.
///
/// Frames arrive in
/// order, each once, or the connection breaks. What the network does to packets shows as delay.
final class Link {
    let session: SessionID
    let host: Int
    /// The controller's life.
    let controller: Int
    var agentOpen = true
    var controllerOpen = true
    /// When the agent last heard anything on it.
    var heardAt: Instant
    var up = Pipe<AgentMessage>()
    var down = Pipe<ControllerMessage>()

    /// One direction: what is on its way, in order.
    struct Pipe<Message> {
        enum Item {
            case message(Message)
            /// The sender has closed its end.
            case end
        }
        var queue = Deque<Item>()
        var lastArrival = Instant.zero
    }

    init(session: SessionID, host: Int, controller: Int, at now: Instant) {
        self.session = session
        self.host = host
        self.controller = controller
        heardAt = now
    }
}

/// What the network does to one node now.
struct Cable {
    /// Nothing passes from the node until then.
    var upBlockedUntil = Instant.zero
    /// Nothing passes to the node until then.
    var downBlockedUntil = Instant.zero
    /// Everything takes so much longer until then.
    var slowUntil = Instant.zero
    var slowBy = Duration.zero
}
