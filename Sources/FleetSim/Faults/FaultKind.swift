/// What can go wrong in the world.
package enum FaultKind: String, Hashable, Sendable, Codable, CaseIterable {
    // The network.
    case linkClosed, partition, oneWayUp, oneWayDown, massPartition, clog, slowLink
    // Every single packet that the weather loses or every frame that comes twice.
    case packetLost, frameReplayed
    // Agents and their machines.
    case agentCrash, agentCrashMidStep, agentFreeze, reboot, powerCut, diskLost, diskFull
    case cutOffCrash, goneWhileAway, orderCrash, dismissalCrash, launchCrash, sleepBeforeWork
    // Docker.
    case slowPull, dockerCallFails, containerVanishes, exitsEarly, containerOOM, nameTaken
    case dockerRestart, leftovers, strayContainer
    // Workers.
    case workerCrash, workerOOM, workerDeaf, workerSilent, workerLies, workerFlaps
    case workerStuck
    // The controller.
    case controllerCrash, controllerFreeze, controllerTakeover, controllerCutOff
    case clockSet
    // Redis, and the object store.
    case storeSlow, storeDown, storeLosesReply, storeRestart, uploadFails
    // People.
    case repeatedRequest

    /// Its place in `allCases`.
    package var index: Int { Self.places[self] ?? 0 }

    private static let places: [FaultKind: Int] = {
        var places: [FaultKind: Int] = [:]
        for (place, kind) in allCases.enumerated() { places[kind] = place }
        return places
    }()

    /// The kinds that a storm plans; the others come with the weather or with the jobs.
    package static let planned: [FaultKind] = [
        .linkClosed, .partition, .oneWayUp, .oneWayDown, .massPartition, .clog, .slowLink,
        .agentCrash, .agentCrashMidStep, .agentFreeze, .reboot, .powerCut, .diskLost, .diskFull,
        .cutOffCrash, .goneWhileAway, .orderCrash, .dismissalCrash, .launchCrash, .sleepBeforeWork,
        .slowPull, .dockerCallFails, .containerVanishes, .exitsEarly, .containerOOM, .nameTaken,
        .dockerRestart, .leftovers, .strayContainer,
        .workerFlaps, .workerStuck, .controllerCrash, .controllerFreeze, .controllerTakeover,
        .controllerCutOff, .clockSet, .storeSlow, .storeDown, .storeLosesReply, .storeRestart,
        .uploadFails,
    ]

    /// How often it is drawn, relative to the others.
    var weight: Int {
        switch self {
        case .linkClosed, .partition, .agentCrash, .agentCrashMidStep, .dockerCallFails,
            .controllerCrash, .cutOffCrash, .controllerCutOff, .agentFreeze,
            .reboot, .containerVanishes:
            6
        case .oneWayUp, .oneWayDown, .clog, .exitsEarly, .containerOOM, .dockerRestart, .leftovers,
            .workerFlaps,
            .storeLosesReply, .slowLink, .slowPull, .nameTaken, .uploadFails, .diskFull,
            .goneWhileAway, .orderCrash, .dismissalCrash, .launchCrash, .sleepBeforeWork,
            .strayContainer,
            .workerStuck, .powerCut,
            .controllerTakeover, .clockSet:
            3
        case .massPartition, .diskLost, .controllerFreeze, .storeSlow, .storeDown, .storeRestart:
            1
        case .packetLost, .frameReplayed, .workerCrash, .workerOOM, .workerDeaf, .workerSilent,
            .workerLies, .repeatedRequest:
            0
        }
    }
}

/// A fault of a storm.
package struct PlannedFault: Hashable, Sendable, Codable {
    /// When, since the storm began.
    package var at: Duration
    /// What.
    package var kind: FaultKind
    /// The node it strikes, by its place in the fleet; ignored where it strikes no node.
    package var node: Int
    /// How long it lasts, where it lasts.
    package var length: Duration
    /// Which call fails, how many nodes are struck, or how often.
    package var count: Int
}
