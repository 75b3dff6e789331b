import OrderedCollections

extension Controller {
    /// Notes a token that was made; `life` is how long it holds, nil for ever.
    mutating func addToken(
        _ request: RequestID, _ token: TokenRecord, life: Duration?, _ now: Instant,
        _ effects: inout Effects
    ) {
        if tokens[token.name] != nil {
            let text = "a token is named \(token.name) already; remove it first"
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
            return
        }
        guard tokens.count < policy.tokenLimit else {
            let text = "there are \(tokens.count) tokens already; remove those that nobody uses"
            effects.replies.append((request, .refused(Refusal(.conflict, text))))
            return
        }
        var token = token
        token.createdAt = now
        token.expiresAt = life.map { now + $0 }
        tokens[token.name] = token
        effects.tokens.append(token.name)
        emit(
            .token, now, &effects, to: "created",
            reason: "\(token.name): \(token.role.rawValue), for \(token.submitter)")
        effects.replies.append((request, .done))
    }

    mutating func removeToken(
        _ request: RequestID, _ name: TokenName, _ now: Instant, _ effects: inout Effects
    ) {
        guard tokens.removeValue(forKey: name) != nil else {
            let text = "no token is named \(name)"
            effects.replies.append((request, .refused(Refusal(.notFound, text))))
            return
        }
        effects.tokens.append(name)
        emit(.token, now, &effects, from: "created", to: "removed", reason: "\(name)")
        effects.replies.append((request, .done))
    }
}
