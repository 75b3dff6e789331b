extension FleetDiff {
    /// Collects changes.
    struct Changes {
        private(set) var all: [Change] = []

        mutating func value(_ what: String, _ old: String?, _ new: String?) {
            let old = old ?? ""
            let new = new ?? ""
            guard old != new else { return }
            if old.isEmpty {
                all.append(Change(.add, what, new))
            } else if new.isEmpty {
                all.append(Change(.remove, what, old))
            } else {
                all.append(Change(.change, what, "\(old) → \(new)"))
            }
        }

        mutating func items(_ what: String, _ old: [String], _ new: [String]) {
            guard old != new else { return }
            guard !old.isEmpty, !new.isEmpty else {
                value(what, old.joined(separator: ", "), new.joined(separator: ", "))
                return
            }
            let before = Set(old)
            let after = Set(new)
            let added = new.filter { !before.contains($0) }.map { "+\($0)" }
            let removed = old.filter { !after.contains($0) }.map { "-\($0)" }
            let detail =
                added.isEmpty && removed.isEmpty
                ? "order \(new.joined(separator: ", "))" : (added + removed).joined(separator: " ")
            all.append(Change(.change, what, detail))
        }

        mutating func named<Object>(
            _ group: String, _ old: [Object], _ new: [Object], name: (Object) -> String,
            facts: (Object) -> [(String, Fact)]
        ) {
            let before = Dictionary(old.map { (name($0), $0) }) { first, _ in first }
            for object in new {
                let what = "\(group).\(name(object))"
                guard let former = before[name(object)] else {
                    all.append(Change(.add, what, summary(facts(object))))
                    continue
                }
                // Both lists come from the same code, so they have the same fields in the same order.
                for (old, new) in zip(facts(former), facts(object)) {
                    switch (old.1, new.1) {
                    case (.items(let old), .items(let items)):
                        self.items("\(what).\(new.0)", old, items)
                    default: value("\(what).\(new.0)", old.1.text, new.1.text)
                    }
                }
            }
            let after = Set(new.map(name))
            for object in old where !after.contains(name(object)) {
                all.append(Change(.remove, "\(group).\(name(object))", summary(facts(object))))
            }
        }

        private func summary(_ facts: [(String, Fact)]) -> String {
            facts.filter { !$0.1.text.isEmpty && $0.1.text != "false" }
                .map { "\($0.0) \($0.1.text)" }.joined(separator: "; ")
        }
    }
}
