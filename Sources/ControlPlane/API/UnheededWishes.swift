import FleetCore

extension APIServer {
    /// Refuses jobs that ask for what nobody would heed: to take it in silence would be a promise.
    func requireHeeded(_ jobs: [PlanRequest.Member]) async throws {
        let asking = jobs.map(\.request).filter(\.asksForOwnContainer)
        if asking.isEmpty { return }
        let fleet = await loop.read { controller, _ in controller.fleet }
        for job in asking {
            guard let why = fleet.unheeded(job) else { continue }
            let refusal = APIError.impossible(why)
            throw job.place.map { refusal.in("step \($0.step)") } ?? refusal
        }
    }
}

extension JobRequest {
    /// Whether it says how a container of its own shall be.
    fileprivate var asksForOwnContainer: Bool { !command.isEmpty || memory != nil }
}

extension FleetSpec {
    /// Why nobody would heed how a job wants its container to be; nil where it is heeded, or where the machine
    /// says itself that the job has no place.
    ///
    /// A worker that takes many jobs is made as the fleet's file says, whatever one of them asks for.
    func unheeded(_ job: JobRequest) -> String? {
        guard job.asksForOwnContainer, job.image == nil else { return nil }
        guard let worker = worker(of: job), worker.contract != .exec else { return nil }
        return
            "`command` and `memoryBytes` are for a container of the job's own, and a worker with contract "
            + "\(worker.contract.rawValue) does this one; the fleet's file says how that is made"
    }

    private func worker(of job: JobRequest) -> WorkerSpec? {
        if let name = job.template { return template(name)?.worker }
        let place = job.cluster.map { cluster($0) } ?? cluster(serving: job.kind)
        return place?.service.flatMap { service($0) }?.worker
    }
}
