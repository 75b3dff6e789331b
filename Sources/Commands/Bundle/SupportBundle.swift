import Foundation

/// Gathers what a maintainer needs to find what is wrong, and nothing secret.
struct SupportBundle {
    let session: Session
    let client: APIClient

    /// A bundle's parts, each there or with the reason why not.
    func gather() async throws -> [BundlePart] {
        let redactor = Redactor(known: [client.endpoint.token].compactMap { $0 })
        let reader = BundleReader(
            client: client, redactor: redactor, now: session.context.now())
        var collector = Collector(session: session, redactor: redactor)
        await collector.add("version.json", "versions of jctl and the controller") {
            try await versions(reader)
        }
        let lists = [
            ("diagnosis.json", "what jctl doctor finds", "diagnosis"),
            ("summary.json", "the fleet in numbers", "summary"),
            ("clusters.json", "the clusters", "clusters"),
            ("roamers.json", "the roamers", "roamers"),
        ]
        for (file, about, path) in lists {
            await collector.add(file, about) {
                try await reader.json(Resource(path)).pretty() + "\n"
            }
        }
        await collector.add("nodes.jsonl", "the nodes, one a line") {
            try await reader.list(Resource("nodes"))
        }
        await collector.add("cluster.yaml", "the fleet as applied, without comments") {
            try await reader.fleet()
        }
        await collector.add("fleet-history.jsonl", "what was applied before, one a line") {
            try await reader.history()
        }
        var failed: [FailedJob] = []
        await collector.add("failed-jobs.jsonl", "jobs that failed within a day, without input") {
            failed = try await reader.failedJobs()
            return reader.text(failed)
        }
        await collector.add("events.jsonl", "the last events, one a line") {
            try await reader.events(failed)
        }
        await collector.add("metrics.txt", "the controller's metrics") {
            try await reader.metrics()
        }
        await collector.add("context.json", "how jctl finds the controller; no token") {
            try context(redactor)
        }
        try Task.checkCancellation()
        return collector.parts
    }

    private func versions(_ reader: BundleReader) async throws -> String {
        let client = JSONValue.dictionary([("version", .string(ClientVersion.text))])
        return JSONValue.dictionary([
            ("jctl", client), ("controller", try await reader.json(Resource("version"))),
        ]).pretty() + "\n"
    }

    /// The settings of jctl; of tokens only where their files are.
    private func context(_ redactor: Redactor) throws -> String {
        let file = try ConfigFile.load(session.context)
        let contexts = (file?.contexts ?? [:]).sorted { $0.key < $1.key }.map { name, entry in
            JSONValue.dictionary([
                ("name", .string(name)), ("endpoint", .string(entry.endpoint)),
                ("current", .bool(name == file?.current)),
                ("hasTokenFile", .bool(entry.tokenFile != nil)),
                ("caFile", entry.caFile.map { .string($0) }),
            ])
        }
        let variables = session.context.environment.keys.sorted().filter {
            $0.hasPrefix("JCTL_") || $0.hasPrefix("JESSICA_") || $0 == "NO_COLOR"
        }
        return redactor.json(
            .dictionary([
                ("endpoint", .string(client.endpoint.description)),
                ("from", .string(client.endpoint.origin)),
                ("contexts", .array(contexts)),
                ("variablesSet", .array(variables.map { .string($0) })),
            ])
        ).pretty() + "\n"
    }

    /// The parts with their index as an archive, in a folder of the bundle's name.
    func archive(_ parts: [BundlePart], name: String) throws -> Data {
        let now = session.context.now()
        var tar = TarGz(modified: now)
        var parts = parts
        for index in parts.indices {
            guard let text = parts[index].text else { continue }
            let content = Data(text.utf8)
            guard tar.hasRoom(for: content.count + 1 << 20) else {
                parts[index].text = nil
                parts[index].why = "the bundle has no room for it"
                continue
            }
            tar.add("\(name)/\(parts[index].file)", content)
        }
        let index = JSONValue.dictionary([
            ("madeAt", .string(now.formatted(.iso8601))),
            ("parts", .array(parts.map(\.index))),
            (
                "leftOut",
                .string(
                    "tokens, passwords, queries of URLs, inputs, commands and labels of jobs, reasons that may quote them"
                )
            ),
        ])
        tar.add("\(name)/index.json", Data((index.pretty() + "\n").utf8))
        return try tar.finish()
    }

    /// Takes part after part; one that cannot be had is no failure of the rest.
    private struct Collector {
        let session: Session
        let redactor: Redactor
        var parts: [BundlePart] = []
        /// Why nothing can be had of the controller any more.
        private var away: String?

        init(session: Session, redactor: Redactor) {
            self.session = session
            self.redactor = redactor
        }

        mutating func add(
            _ file: String, _ about: String, _ read: () async throws -> String
        ) async {
            var part = BundlePart(file, about)
            defer { parts.append(part) }
            do {
                // Whoever does not answer once is not waited for a dozen times.
                guard let away, file != "context.json" else {
                    part.text = try await read()
                    session.note(
                        "\(file): \(Humane.bytes(part.text.map { Double($0.utf8.count) }))")
                    return
                }
                part.why = away
            } catch let error as CommandError {
                part.why = redactor.text(
                    [error.what, error.why].compactMap { $0 }.joined(separator: ": "))
                if error.status.isPassing { away = part.why }
            } catch {
                part.why = redactor.text("\(error)")
            }
            session.note("\(file): missing, \(part.why ?? "unknown")")
        }
    }
}
