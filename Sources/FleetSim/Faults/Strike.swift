import FleetCore
import OrderedCollections

extension World {
    /// Injects a planned fault.
    func strike(_ fault: PlannedFault) {
        let host = victim(of: fault)
        note("fault") {
            "\(fault.kind.rawValue) \(host.name) \(fault.length) ×\(fault.count)"
        }
        // Those that wait for their moment are counted when it comes.
        switch fault.kind {
        case .dockerCallFails, .workerStuck, .exitsEarly, .nameTaken, .leftovers,
            .agentCrashMidStep, .launchCrash, .uploadFails:
            break
        default: tally.count(fault.kind)
        }
        switch fault.kind {
        case .linkClosed: reset(host)
        case .partition: block(host, up: true, down: true, for: fault.length)
        case .oneWayUp: block(host, up: true, down: false, for: fault.length)
        case .oneWayDown: block(host, up: false, down: true, for: fault.length)
        case .massPartition:
            for offset in 0..<max(fault.count, hosts.count / 2) {
                block(
                    hosts[(host.index + offset) % hosts.count], up: true, down: true,
                    for: fault.length)
            }
        case .clog:
            block(host, up: true, down: true, for: min(fault.length, .seconds(5)))
        case .slowLink:
            host.cable.slowUntil = now + fault.length
            host.cable.slowBy = .milliseconds(200 * fault.count)
        case .agentCrash: crashAgent(host, downFor: fault.length)
        case .agentCrashMidStep:
            host.dies = [.beforeSaving, .beforeActing, .halfWay][fault.count % 3]
        case .agentFreeze:
            // Now and then for longer than the node's leases.
            freeze(host, for: fault.length + .seconds(fault.count % 4 == 0 ? 50 : 0))
        case .sleepBeforeWork:
            // Longer than its leases, when it is about to begin something.
            let order = hosts[host.index...] + hosts[..<host.index]
            guard let host = order.first(where: { isAboutToBegin($0) }) else { return }
            freeze(host, for: .seconds(50) + fault.length)
        case .reboot:
            // Now and then for longer than the node's leases.
            reboot(host, downFor: fault.length + .seconds(fault.count % 4 == 0 ? 50 : 0))
        case .powerCut:
            // Longer than evictions are held when many nodes fall silent together.
            let length = Duration.seconds(780) + fault.length * 2
            powerBackAt = max(powerBackAt, now + length)
            for offset in 0..<hosts.count / 5 + fault.count % max(hosts.count / 3, 1) {
                reboot(hosts[(host.index + offset) % hosts.count], downFor: length)
            }
        case .cutOffCrash:
            // What it began before it must end by itself.
            crashAgent(host, downFor: min(fault.length, .seconds(20)))
            block(host, up: true, down: true, for: .seconds(75))
            // Now and then also though nobody there knows of it any more.
            if fault.count % 4 == 0 { forgetEverything(host) }
        case .orderCrash: reorder(host) { $0.worker.image += ".3" }
        case .dismissalCrash: reorder(host) { $0.replicas = 0 }
        case .launchCrash: host.docker.abandons += 1
        case .goneWhileAway:
            crashAgent(host, downFor: min(fault.length, .seconds(5)))
            for container in host.docker.containers { take(container.id, from: host) }
        case .diskLost:
            host.disks += 1
            loseDisk(host, wholeMachine: fault.count % 2 == 0, downFor: fault.length)
        case .diskFull:
            host.diskFullUntil = now + fault.length
            impair(host, for: fault.length)
        case .slowPull: host.docker.slowPullUntil = now + fault.length
        case .dockerCallFails:
            let calls = DockerCall.allCases
            host.docker.failAfter[calls[fault.count % calls.count].rawValue] =
                fault.count / calls.count
        case .containerVanishes:
            strikeContainer(host, fault.count) { world, index in
                world.take(host.docker.containers[index].id, from: host)
            }
        case .containerOOM:
            strikeContainer(host, fault.count) { world, index in
                world.kill(host, index, 137, outOfMemory: true)
            }
        case .workerFlaps:
            strikeContainer(host, fault.count) { world, index in
                let struck = host.docker.containers[index]
                // Now and then a worker hangs for ever.
                let isForGood = fault.count % 4 == 0 && struck.isWorker
                let until = isForGood ? Instant.distantFuture : world.now + fault.length
                host.docker.containers[index].flapsUntil = max(struck.flapsUntil, until)
            }
        case .strayContainer:
            // Of an older life of the node; a roamer is cleaned by an order of its own.
            guard leader?.machine.nodes[host.name]?.isRoamer == false else { return }
            // One that was there when the machine came up is in every list; what starts beside it must fit.
            let comesFirst = fault.count % 2 == 0
            if comesFirst { reboot(host, downFor: min(fault.length, .seconds(10))) }
            lastContainer += 1
            host.docker.containers.append(
                Container(
                    id: "c\(lastContainer)", name: "w:old",
                    purpose: .worker("old", fingerprint: "old"), slots: 1, image: "old:1",
                    memory: comesFirst ? Int64(clamping: host.memory) : 0, readyAt: now))
        case .workerStuck: host.docker.stuck += 1
        case .exitsEarly: host.docker.exitsEarly += 1
        case .nameTaken: host.docker.nameTaken += 1
        case .dockerRestart: restartDocker(host, fault)
        case .leftovers: host.docker.dirty += fault.count % 5
        case .controllerCrash:
            if let process = leader { crash(process, downFor: min(fault.length, .seconds(20))) }
        case .controllerFreeze:
            if let process = leader {
                process.frozenUntil = max(process.frozenUntil, now + fault.length)
            }
        case .controllerTakeover: if scenario.weather.standby { startController() }
        case .controllerCutOff:
            guard let process = leader else { return }
            process.cutOffUntil =
                now + max(fault.length, .seconds(fault.count % 2 == 0 ? 100 : 0))
            if scenario.weather.standby {
                plan(
                    .call { world in
                        guard world.leader === process else { return }
                        world.startController()
                        // Most agents are sent to the successor; some stay with the one cut off.
                        let stay = world.hosts.filter { world.isBusy($0) }.prefix(3).map(\.index)
                        for host in world.hosts where !stay.contains(host.index) {
                            world.reset(host)
                        }
                    }, after: .seconds(15))
            }
        case .clockSet:
            let step = Duration.seconds(5 * fault.count)
            wallOffset = fault.count % 2 == 0 ? wallOffset + step : wallOffset - step
        case .storeSlow:
            store.slowUntil = now + fault.length
            store.slowBy = .milliseconds(300 * (fault.count + 1))
        case .storeDown: store.downUntil = now + fault.length
        case .storeRestart: store.downUntil = now + min(fault.length, .seconds(3))
        case .storeLosesReply: store.repliesToLose += fault.count % 3 + 1
        case .uploadFails: uploadsFailUntil = now + fault.length
        case .packetLost, .frameReplayed, .workerCrash, .workerOOM, .workerDeaf, .workerSilent,
            .workerLies, .repeatedRequest:
            break
        }
    }

    private func freeze(_ host: Host, for length: Duration) {
        host.frozenUntil = max(host.frozenUntil, now + length)
        impair(host, for: length)
    }

    /// Changes the service of a node, whose agent dies when it has saved the new order for its worker
    /// and has not begun to follow it.
    private func reorder(_ host: Host, _ change: (inout ServiceSpec) -> Void) {
        guard let cluster = fleet.clusters.first(where: { $0.nodes.contains(host.name) }),
            let service = fleet.services.firstIndex(where: { $0.name == cluster.service })
        else { return }
        var spec = fleet
        change(&spec.services[service])
        request { .apply($0, spec) }
        host.dies = .beforeActing
    }

    /// An agent dies while Docker is at the start of its worker, and nobody wants that one any more.
    func abandonLaunch(_ host: Host) {
        tally.count(.launchCrash)
        crashAgent(host, downFor: host.docker.random.duration(upTo: .seconds(2)))
        if leader?.machine.nodes[host.name]?.isRoamer == true {
            request { .release($0, host.name) }
            return
        }
        guard let place = fleet.clusters.firstIndex(where: { $0.nodes.contains(host.name) }) else {
            return
        }
        var spec = fleet
        spec.clusters[place].service = spec.clusters[(place + 1) % spec.clusters.count].service
        request { .apply($0, spec) }
    }

    /// Whether a node has taken work that it has not begun.
    private func isAboutToBegin(_ host: Host) -> Bool {
        host.agent != nil
            && host.journal.attempts.contains { $0.phase == .accepted || $0.phase == .preparing }
    }

    /// The node that a fault strikes: every other one looks for a node that works, where it hurts.
    private func victim(of fault: PlannedFault) -> Host {
        let first = fault.node % hosts.count
        guard fault.count % 2 == 0 else { return hosts[first] }
        let order = hosts[first...] + hosts[..<first]
        return order.first { isBusy($0) } ?? hosts[first]
    }

    /// Whether a node has taken work that has not ended.
    private func isBusy(_ host: Host) -> Bool {
        host.journal.attempts.contains { !$0.phase.isFinal }
    }

    private func strikeContainer(_ host: Host, _ count: Int, _ body: (World, Int) -> Void) {
        let containers = host.docker.containers
        guard !containers.isEmpty else { return }
        let busy = containers.firstIndex { !$0.work.isEmpty }
        body(self, (count % 4 == 0 ? busy : nil) ?? count % containers.count)
    }

    /// The engine is away for a time; with it go the containers, unless it keeps them alive.
    private func restartDocker(_ host: Host, _ fault: PlannedFault) {
        let keepsContainers = fault.count % 2 == 0
        if !keepsContainers {
            for index in host.docker.containers.indices { kill(host, index, 137) }
        }
        host.docker.downUntil = now + fault.length
        host.engineAwayUntil = now + fault.length
        // What must be stopped cannot be, while the engine is away.
        impair(host, for: fault.length)
    }

    /// Ends everything faulty, so that from here on the fleet must come to rest.
    func heal() {
        note("fault") { "the world heals" }
        isWhole = true
        for host in hosts {
            host.cable = Cable()
            host.diskFullUntil = min(host.diskFullUntil, now)
            host.dies = nil
            host.docker.failAfter = Array(repeating: nil, count: DockerCall.allCases.count)
            host.docker.downUntil = .zero
            host.docker.slowPullUntil = .zero
            host.docker.dirty = 0
            host.docker.exitsEarly = 0
            host.docker.stuck = 0
            host.docker.nameTaken = 0
            host.docker.abandons = 0
        }
        store.downUntil = .zero
        store.slowUntil = .zero
        store.repliesToLose = 0
        uploadsFailUntil = .zero
        for process in controllers { process.cutOffUntil = .zero }
        mend()
    }

    /// Undoes what operators did, as often as it takes to be heard.
    func mend() {
        guard let machine = leader?.machine else { return }
        if machine.fleet != fleet { request { .apply($0, fleet) } }
        for (name, node) in machine.nodes {
            if node.record.drain != nil { request { .undrain($0, name) } }
            if node.record.cordoned { request { .cordon($0, name, false) } }
            if let assignment = node.record.roamer?.assignment, case .manual = assignment.mode {
                request { .release($0, name) }
            }
        }
    }
}
