import OrderedCollections

extension Controller {
    /// Everything a node shall run, as the controller sees it now.
    struct Orders: Hashable, Sendable {
        var workers: OrderedDictionary<WorkerID, WorkerOrder> = [:]
        var attempts: OrderedDictionary<AttemptKey, AttemptOrder> = [:]
        var cleaning: UInt64 = 0
    }

    /// The pod a dedicated node shall run; nil when it shall run none.
    func podOrder(for name: NodeName) -> WorkerOrder? {
        guard let service = podService(of: name) else { return nil }
        return order(
            WorkerID(service.name.rawValue), service.worker, of: service.name, isPod: true,
            startup: service.startupTime)
    }

    /// The pod of a node by the fleet's file, where it is a container that jobs run on.
    func containerPod(of name: NodeName) -> WorkerOrder? {
        guard let pod = podOrder(for: name), pod.spec.contract != .exec else { return nil }
        return pod
    }

    /// The service whose pod a dedicated node shall run; nil when it shall run none, or has not the
    /// memory for it.
    func podService(of name: NodeName) -> ServiceSpec? {
        guard let service = wantedService(of: name), fits(service.worker.memory ?? 0, on: name)
        else { return nil }
        return service
    }

    /// The service whose pod a dedicated node should run by the fleet's file.
    func wantedService(of name: NodeName) -> ServiceSpec? {
        guard let place = index.place(of: name), nodes[name]?.retired == false,
            let service = fleet.clusters[place.cluster].service.flatMap(self.service),
            place.node < service.replicas
        else { return nil }
        return service
    }

    private func order(
        _ id: WorkerID, _ worker: WorkerSpec, of service: ServiceName?, isPod: Bool,
        startup: Duration?
    ) -> WorkerOrder {
        var spec = worker
        spec.image = resolve(worker.image, worker.imageDigest)
        spec.imageDigest = nil
        return WorkerOrder(
            id: id, spec: spec, service: service, isPod: isPod,
            readyWithin: readyWithin(startup))
    }

    /// How long a roamer's worker usually takes to start: as its template says, else the service it helps as.
    func startup(of assignment: Assignment) -> Duration? {
        if let name = assignment.template { return template(name)?.startupTime }
        let cluster = assignment.cluster.flatMap { self.cluster($0) }
        return cluster?.service.flatMap { self.service($0)?.startupTime }
    }

    /// How long a worker may take to become ready.
    func readyWithin(_ startup: Duration?) -> Duration {
        guard let startup else { return policy.readyWithin }
        return max(policy.readyAtLeast, startup * policy.startupFactor)
    }

    /// The name that an agent pulls: the full one, pinned to what the image was found to be.
    ///
    /// It keeps the tag, for people and because peaks are known by it. What another registry than the
    /// fleet's had under a short name is not looked for in this one.
    private func resolve(
        _ image: String, _ digest: String?, foundIn registry: String? = nil
    ) -> String {
        let name = fleet.fullName(of: image)
        guard let digest, !name.contains("@"), registry ?? fleet.registry == fleet.registry else {
            return name
        }
        return "\(name)@\(digest)"
    }

    /// What the node shall run.
    func orders(for name: NodeName) -> Orders {
        var orders = Orders()
        guard let node = nodes[name] else { return orders }
        if let leaving = node.record.leaving {
            orders.workers[leaving.id] = leaving
        } else if let pod = containerPod(of: name),
            node.record.drain == nil || !node.attempts.isEmpty, fitsBeside(node.attempts, pod, name)
        {
            orders.workers[pod.id] = pod
        }
        if let roamer = node.record.roamer {
            orders.cleaning = roamer.cleaning
            if let assignment = roamer.assignment, let worker = assignment.worker {
                let service = assignment.cluster.flatMap { self.cluster($0)?.service }
                let order = order(
                    assignment.workerID, worker, of: service, isPod: false,
                    startup: startup(of: assignment))
                orders.workers[order.id] = order
            }
        }
        for key in node.attempts {
            if let order = attemptOrder(key) { orders.attempts[key] = order }
        }
        return orders
    }

    /// The bytes that all orders of attempts of a node may have: a complete set is one message of at most
    /// 1 MiB, and its workers are in it too.
    private static let attemptBytes = 768 << 10
    /// So many attempts never have more.
    private static let attemptsOfAnySize = 16

    /// The bytes that orders of further attempts for a node may have, of so many in all; nil where it does
    /// not matter.
    func orderRoom(_ node: Node, attempts most: Int) -> Int? {
        guard most > Self.attemptsOfAnySize else { return nil }
        return node.attempts.reduce(Self.attemptBytes) { room, key in
            room - (attemptOrder(key)?.bytes ?? 0)
        }
    }

    /// The bytes of the order that an attempt of a job would be.
    func orderBytes(of job: Job, container: ContainerOrder?) -> Int {
        AttemptOrder(
            key: AttemptKey(job: job.id, number: 1),
            place: container.map { AttemptPlace.container($0) } ?? .worker(""),
            input: Self.ordered(job.request), kind: job.request.kind
        ).bytes
    }

    /// The input as it stands in an order: who does not know that there is more must not take the abridged
    /// copy for all of it.
    private static func ordered(_ request: JobRequest) -> String {
        request.stored == nil ? request.input : ""
    }

    private func attemptOrder(_ key: AttemptKey) -> AttemptOrder? {
        guard let job = jobs[key.job], let attempt = job.attempt(key.number) else { return nil }
        var place: AttemptPlace?
        if let worker = attempt.worker { place = .worker(worker) }
        if let container = attempt.container { place = .container(container) }
        guard let place else { return nil }
        return AttemptOrder(
            key: key, place: place, input: Self.ordered(job.request), stored: job.request.stored,
            kind: job.request.kind, stop: attempt.stop)
    }

    /// The container that an attempt of a job gets on a node; nil when the fleet has none for it any more.
    func container(for job: Job, on name: NodeName) -> ContainerOrder? {
        if let image = job.request.image {
            return ContainerOrder(
                image: resolve(
                    image, job.request.imageDigest, foundIn: job.request.imageRegistry),
                command: job.request.command, memory: job.request.memory)
        }
        let template = job.request.template.flatMap { self.template($0) }
        guard let worker = template?.worker ?? podService(of: name)?.worker else { return nil }
        return ContainerOrder(
            image: resolve(worker.image, worker.imageDigest),
            command: job.request.command.isEmpty ? worker.command : job.request.command,
            memory: job.request.memory ?? worker.memory)
    }

    /// Sends each connected node what changed in its orders.
    mutating func sendOrders(_ now: Instant, _ effects: inout Effects) {
        if unordered.isEmpty { return }
        for name in unordered {
            guard let node = nodes[name], let session = node.session else { continue }
            let wanted = orders(for: name)
            let number = node.sentNumber + 1
            guard let message = change(from: node.sent, node.sentNumber, to: wanted, number) else {
                continue
            }
            nodes[name]?.sent = wanted
            nodes[name]?.sentNumber = number
            effects.sends.append(
                .init(node: name, session: session, message: .assignments(message)))
        }
        unordered = []
    }

    /// The complete set for a new session, the difference after that; nil when there is none.
    private func change(
        from sent: Orders?, _ sentNumber: UInt64, to wanted: Orders, _ number: UInt64
    ) -> Assignments? {
        guard let sent else {
            return Assignments(
                term: term, appliesTo: nil, resultsIn: number,
                workers: Array(wanted.workers.values), attempts: Array(wanted.attempts.values),
                cleaning: wanted.cleaning)
        }
        guard sent != wanted else { return nil }
        return Assignments(
            term: term, appliesTo: sentNumber, resultsIn: number,
            workers: wanted.workers.values.filter { sent.workers[$0.id] != $0 },
            removedWorkers: sent.workers.keys.filter { wanted.workers[$0] == nil },
            attempts: wanted.attempts.values.filter { sent.attempts[$0.key] != $0 },
            removedAttempts: sent.attempts.keys.filter { wanted.attempts[$0] == nil },
            cleaning: wanted.cleaning)
    }
}

extension AttemptOrder {
    /// The bytes it takes in a message, at most; a word of a command counts as twenty more, as a message also
    /// has a bound on how many things are in it.
    fileprivate var bytes: Int {
        let own = 400 + input.utf8.count
        guard case .container(let container) = place else { return own }
        return own + container.image.utf8.count + ContainerOrder.bytes(of: container.command)
            + container.command.count * 20
    }
}
