import ArgumentParser

/// Names from the controller, for the shell's completion.
enum NameCompletion {
    /// Names of a kind of thing; none when the controller does not answer at once.
    static func of(_ noun: Noun, state: String? = nil) -> CompletionKind {
        of(list(of: noun, state: state))
    }

    /// Names in another list of the controller's, as of its backups.
    static func of(_ list: Resource) -> CompletionKind {
        .custom { words, _, prefix in await names(list, words, prefix, .process()) }
    }

    /// Names of the contexts that jctl knows itself.
    static let contexts = CompletionKind.custom { _, _, prefix in
        contextNames(prefix, .process())
    }

    /// Those that begin so.
    static func contextNames(_ prefix: String, _ context: Context) -> [String] {
        let names = (try? ConfigFile.load(context))?.contexts?.keys.sorted() ?? []
        return names.filter { $0.hasPrefix(prefix) }
    }

    /// The kind that `get` and `describe` were given decides.
    static let ofKind = CompletionKind.custom { words, _, prefix in
        let nouns = words.compactMap { try? Noun.parse($0) }
        guard let noun = nouns.first else { return [] }
        return await names(list(of: noun), words, prefix, .process())
    }

    /// What `jctl node` can act on: who waits to be admitted, or the nodes of the fleet.
    static let ofNodeAction = CompletionKind.custom { words, _, prefix in
        let list = words.contains("approve") ? Resource("enrolments") : list(of: .nodes)
        return await names(list, words, prefix, .process())
    }

    /// Kinds that can be named.
    static let kinds = CompletionKind.list(Noun.allCases.map(\.rawValue))
    static let jobStates = CompletionKind.list(Job.states + ["active", "ended"])
    static let jobKinds = CompletionKind.list([
        "image", "video", "voice", "audio", "text", "vision", "personality", "custom",
    ])

    /// Whoever presses Tab waits no longer.
    private static let patience = Duration.milliseconds(300)
    private static let limit = 100

    /// The list that has the names of a kind of thing.
    static func list(of noun: Noun, state: String? = nil) -> Resource {
        var list = Resource(noun.rawValue)
        if noun == .jobs { list.add([("state", state), ("limit", "\(limit)")]) }
        return list
    }

    /// Names in a list that begin so.
    static func names(
        _ list: Resource, _ words: [String], _ prefix: String, _ context: Context
    ) async -> [String] {
        await withTaskGroup(of: [String].self) { group in
            group.addTask {
                let session = Session(context: context, global: options(words))
                let names = (try? await fetch(list, session)) ?? []
                await session.close()
                return names.filter { $0.hasPrefix(prefix) }
            }
            group.addTask {
                try? await context.pause(patience)
                return []
            }
            let first = await group.next() ?? []
            group.cancelAll()
            return first
        }
    }

    private static func fetch(_ list: Resource, _ session: Session) async throws -> [String] {
        // Patience ends it long before.
        let call = APIClient.Call(resource: list, timeout: 30, purpose: "complete a name")
        let answer = try await session.client().send(call).json(call.purpose)
        return (answer["items"]?.elements ?? []).compactMap(\.identity)
    }

    /// The endpoint that the line names already.
    private static func options(_ words: [String]) -> GlobalOptions {
        var found: [String] = []
        for (word, next) in zip(words, words.dropFirst() + [""])
        where GlobalOptions.valued.contains(word) && !next.isEmpty {
            found += [word, next]
        }
        return (try? GlobalOptions.parse(found)) ?? GlobalOptions()
    }
}
