import OrderedCollections

extension Controller {
    /// Notes a webhook that was made; what happens from now on is delivered to it.
    mutating func addWebhook(
        _ request: RequestID, _ webhook: WebhookRecord, _ now: Instant, _ effects: inout Effects
    ) {
        if webhooks[webhook.name] != nil {
            let text = "a webhook is named \(webhook.name) already; remove it first"
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
            return
        }
        guard webhooks.count < policy.webhookLimit else {
            let text = "there are \(webhooks.count) webhooks already; remove those nobody uses"
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
            return
        }
        emit(.webhook, now, &effects, to: "created", reason: "\(webhook.name)")
        var webhook = webhook
        webhook.createdAt = now
        webhook.through = counters.event
        webhooks[webhook.name] = webhook
        effects.webhooks.append(webhook.name)
        effects.replies.append((request, .done))
    }

    mutating func removeWebhook(
        _ request: RequestID, _ name: WebhookName, _ now: Instant, _ effects: inout Effects
    ) {
        guard webhooks.removeValue(forKey: name) != nil else {
            let text = "no webhook is named \(name)"
            effects.replies.append((request, .refused(Refusal(.notFound, text))))
            return
        }
        timers.disarm(.webhook(name))
        effects.webhooks.append(name)
        emit(.webhook, now, &effects, to: "removed", reason: "\(name)")
        effects.replies.append((request, .done))
    }

    /// Notes how far deliveries have come.
    mutating func webhooksProgressed(
        _ reports: [WebhookProgress], _ now: Instant, _ effects: inout Effects
    ) {
        for report in reports {
            guard var webhook = webhooks[report.name], webhook.id == report.id else { continue }
            let before = webhook
            // Nobody can be further than what has happened.
            webhook.through = max(webhook.through, min(report.through, counters.event))
            webhook.dropped &+= report.dropped
            switch report.succeeded {
            case nil: break
            case true?:
                timers.disarm(.webhook(webhook.name))
                webhook.failingSince = nil
                if webhook.isFailing {
                    webhook.isFailing = false
                    emit(
                        .webhook, now, &effects, from: "failing", to: "working",
                        reason: "\(webhook.name)")
                }
            case false?:
                if webhook.failingSince == nil {
                    webhook.failingSince = now
                    timers.arm(.webhook(webhook.name), at: now + policy.webhookPatience)
                }
            }
            guard webhook != before else { continue }
            webhooks[webhook.name] = webhook
            effects.webhooks.append(webhook.name)
        }
    }

    /// A webhook has failed for as long as an event is tried.
    mutating func webhookFails(
        _ name: WebhookName, _ now: Instant, _ effects: inout Effects
    ) {
        guard let webhook = webhooks[name], webhook.failingSince != nil, !webhook.isFailing else {
            return
        }
        webhooks[name]?.isFailing = true
        effects.webhooks.append(name)
        emit(.webhook, now, &effects, from: "working", to: "failing", reason: "\(name)")
    }

    mutating func restoreWebhooks(_ stored: [WebhookRecord]) {
        for webhook in stored.sorted(by: { $0.name < $1.name }) {
            webhooks[webhook.name] = webhook
            if let since = webhook.failingSince, !webhook.isFailing {
                timers.arm(.webhook(webhook.name), at: since + policy.webhookPatience)
            }
        }
    }
}

extension ControllerPolicy {
    /// Whether an event is given up for a webhook: it is tried for a time, counted from when it
    /// happened or, when its webhook worked then, from when that ceased to.
    package func givesUp(
        _ event: FleetEvent, failingSince: Instant?, at now: Instant
    ) -> Bool {
        guard let failingSince else { return false }
        return now >= max(event.at, failingSince) + webhookPatience
    }
}
