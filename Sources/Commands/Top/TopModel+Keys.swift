extension TopModel {
    /// Takes a key.
    mutating func handle(_ key: TopKey) -> [TopAction] {
        notice = nil
        if key == .control("c") { return [.quit] }
        switch mode {
        case .command(let text): return typeCommand(text, key)
        case .filter(let text, let before): return typeFilter(text, before, key)
        case .confirm(let job):
            mode = .moving
            guard key == .character("y") || key == .character("Y") else {
                notice = "job \(job) goes on"
                return []
            }
            notice = "cancelling \(job) …"
            return [.cancel(job)]
        case .moving: return pressMoving(key)
        }
    }

    private mutating func pressMoving(_ key: TopKey) -> [TopAction] {
        if move(key) { return [] }
        switch key {
        case .character("q"): return [.quit]
        case .character("?"): return open(TopPage(content: .help))
        case .character("l"): return openLog()
        case .character("c"), .control("k"): askToCancel()
        case .escape: return goBack()
        case .character(":"): mode = .command("")
        case .character(let digit) where digit.isASCII && digit.isNumber:
            guard let view = digit.wholeNumberValue.flatMap(TopView.init(rawValue:)) else { break }
            return go(to: view)
        case _ where page != nil: break
        case .enter, .character("d"): return describe()
        case .character("/"):
            mode = .filter(place.filter, before: place.filter)
        case .character("o"), .character("s"): sortByNext()
        case .character("O"), .character("S"): place.sort?.isDown.toggle()
        default: break
        }
        return []
    }

    // Moving

    /// Moves by a key; false when the key is for something else.
    private mutating func move(_ key: TopKey) -> Bool {
        let screen = max(1, bodyRows - 1)
        let far = Int.max / 2
        switch key {
        case .up, .character("k"): move(by: -1)
        case .down, .character("j"): move(by: 1)
        case .pageUp, .control("b"): move(by: -screen)
        case .pageDown, .control("f"), .character(" "): move(by: screen)
        case .home, .character("g"): move(by: -far)
        case .end, .character("G"): move(by: far)
        default: return false
        }
        return true
    }

    private mutating func move(by rows: Int) {
        if var page {
            let count = page.lines(width: size.columns, style: .none, now: now).count
            let last = max(0, count - bodyRows)
            page.offset = max(0, min(page.offset + rows, last))
            page.follows = page.isLog && page.offset == last
            self.page = page
            return
        }
        guard !rowItems.isEmpty else { return }
        var place = place
        place.ordinal = max(0, min(place.ordinal + rows, rowItems.count - 1))
        place.target = target(rowItems[place.ordinal])
        place.follows = view == .events && place.ordinal == rowItems.count - 1
        // From the first row on the header above it can be seen too.
        if place.ordinal == 0 { place.offset = 0 }
        self.place = place
    }

    private mutating func goBack() -> [TopAction] {
        if page != nil { return close() }
        if !place.filter.isEmpty {
            place.filter = ""
        } else if let last = before.popLast() {
            view = last
        }
        return []
    }

    private mutating func go(to view: TopView) -> [TopAction] {
        let actions = close()
        show(view)
        return actions
    }

    // Pages

    private mutating func open(_ page: TopPage) -> [TopAction] {
        let actions = close()
        self.page = page
        return actions
    }

    private mutating func close() -> [TopAction] {
        defer { page = nil }
        return page?.isLog == true ? [.stopLog] : []
    }

    private mutating func describe() -> [TopAction] {
        guard let target = selected else { return [] }
        if case .event(let number) = target {
            guard let event = fleet.events.last(where: { $0.seq == number }) else { return [] }
            return open(TopPage(target: target, content: .event(event)))
        }
        return open(TopPage(target: target, content: .waiting)) + [.describe(target)]
    }

    /// The selected job, also that of an event.
    private var selectedJob: String? {
        switch selected {
        case .job(let id)?: id
        case .event(let number)?: fleet.events.last { $0.seq == number }?.job
        case .node?, .cluster?, nil: nil
        }
    }

    private mutating func openLog() -> [TopAction] {
        guard let id = selectedJob else {
            notice = "choose a job first; :jobs lists them"
            return []
        }
        guard page?.isLog != true else { return [] }
        let log = TopPage(
            target: .job(id), content: .log(TopLog(width: size.columns)), follows: true)
        return open(log) + [.followLog(id)]
    }

    private mutating func askToCancel() {
        guard let id = selectedJob else {
            notice = "choose a job first; :jobs lists them"
            return
        }
        if let job = fleet.jobs.first(where: { $0.id == id }), job.isEnded {
            notice = "job \(id) has \(job.state ?? "ended") already"
            return
        }
        mode = .confirm(job: id)
    }

    // Prompts

    /// The text after a key; nil when the key ends the prompt or does nothing to it.
    private static func typed(_ text: String, _ key: TopKey) -> String? {
        switch key {
        case .character(let character):
            let isFull = text.count >= typedMax || SafeText.line(String(character)).count != 1
            return isFull ? text : text + String(character)
        case .backspace: return String(text.dropLast())
        case .control("u"): return ""
        default: return nil
        }
    }

    private mutating func typeCommand(_ text: String, _ key: TopKey) -> [TopAction] {
        if key == .escape || (key == .backspace && text.isEmpty) {
            mode = .moving
        } else if key == .enter {
            mode = .moving
            return run(text.trimmingSpaces())
        } else if let typed = Self.typed(text, key) {
            mode = .command(typed)
        }
        return []
    }

    private mutating func run(_ command: String) -> [TopAction] {
        if ["q", "quit"].contains(command) { return [.quit] }
        if command == "help" { return open(TopPage(content: .help)) }
        guard !command.isEmpty else { return [] }
        guard let view = TopView(command) else {
            let names = TopView.allCases.map(\.name)
            let hint =
                DidYouMean.hint(command, among: names)
                ?? "there are " + names.joined(separator: ", ")
            notice = "no view '\(command)': \(hint)"
            return []
        }
        return go(to: view)
    }

    private mutating func typeFilter(
        _ text: String, _ before: String, _ key: TopKey
    ) -> [TopAction] {
        if key == .escape || (key == .backspace && text.isEmpty) {
            place.filter = key == .escape ? before : ""
            mode = .moving
        } else if key == .enter {
            mode = .moving
        } else if let typed = Self.typed(text, key) {
            mode = .filter(typed, before: before)
            place.filter = typed
        } else if [.up, .down, .pageUp, .pageDown].contains(key) {
            _ = move(key)
        }
        return []
    }

    // Order

    /// From the controller's order to the first column, on to the last, and back.
    private mutating func sortByNext() {
        guard view != .overview, view != .events else {
            notice = "\(view.name) keeps its order; nodes, jobs and roamers can be sorted"
            return
        }
        let plain = TopLists(fleet: fleet, width: size.columns - 2, now: now).sections(view)
        let columns = plain.first?.columns ?? []
        let at = place.sort.flatMap { sort in columns.firstIndex { $0.header == sort.column } }
        let next = at.map { $0 + 1 } ?? 0
        place.sort =
            columns.indices.contains(next)
            ? TopSort(column: columns[next].header, isDown: columns[next].isNumber) : nil
        place.offset = 0
    }
}
