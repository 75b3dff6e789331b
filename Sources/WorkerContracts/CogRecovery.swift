/// What an agent that came back can expect from predictions it started in its former life.
package enum CogRecovery {
    /// Seconds between two deliveries at most, by either server.
    package static let retryGapSecondsMax = 120.0
    /// Seconds a worker certainly keeps trying to deliver a result.
    ///
    /// After a longer absence the newer server has forgotten it, and the older one reports it as
    /// failed because its report could not be delivered.
    package static let deliverySecondsMin = 300.0
    /// Margin for a loaded machine.
    static let marginSeconds = 5.0

    /// Seconds to wait for a webhook when the worker no longer runs the prediction.
    ///
    /// The pauses between deliveries double, so the next one comes at most as long after the return
    /// as the result has been waiting, which is at most the agent's absence; pass nil when that is
    /// not known.
    package static func grace(downtimeSeconds: Double?) -> Double {
        guard let downtime = downtimeSeconds, downtime.isFinite, downtime >= 0 else {
            return retryGapSecondsMax + marginSeconds
        }
        return min(downtime, retryGapSecondsMax) + marginSeconds
    }
}
