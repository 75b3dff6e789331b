/// Measures containers: their memory now, and their use of the processors since the time before.
package struct ContainerMeter: Sendable {
    private let groups: ControlGroups
    private var before: [String: (processor: UInt64, at: ContinuousClock.Instant)] = [:]

    /// A measured container.
    package struct Reading: Hashable, Sendable {
        /// Docker's id.
        package let container: String
        /// Use of the processors, 1 for one that is always busy; nil the first time.
        package let cpu: Double?
        /// Bytes of memory.
        package let memory: UInt64
    }

    /// Takes the control groups.
    package init(groups: ControlGroups = ControlGroups()) { self.groups = groups }

    /// Measures these containers; one that cannot be measured is left out.
    package mutating func measure(
        _ containers: [String], at now: ContinuousClock.Instant = .now
    ) -> [Reading] {
        var after: [String: (processor: UInt64, at: ContinuousClock.Instant)] = [:]
        var readings: [Reading] = []
        for container in containers {
            let use = groups.use(of: container)
            guard let memory = use.memory else { continue }
            if let processor = use.processor { after[container] = (processor, now) }
            readings.append(
                Reading(
                    container: container, cpu: cpu(container, use.processor, now),
                    memory: memory))
        }
        before = after
        return readings
    }

    private func cpu(
        _ container: String, _ processor: UInt64?, _ now: ContinuousClock.Instant
    ) -> Double? {
        guard let processor, let last = before[container], processor >= last.processor,
            now > last.at
        else { return nil }
        return Double(processor - last.processor) / 1e9 / ((now - last.at) / .seconds(1))
    }
}
