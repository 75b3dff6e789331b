import Foundation

/// What `top` hears.
enum TopNews: Sendable {
    case key(TopKey)
    case resized(TopSize)
    case tick
    case read(TopFleet.Reading)
    case past([Event])
    case happened([Event])
    /// How nodes and jobs are now.
    case live([NodeLive], [JobProgress])
    /// Whether the controller is heard.
    case heard(Bool)
    case described(TopTarget, TopPage.Content)
    /// Text of a job's log.
    case log(String, text: String)
    /// What is said about a job's log.
    case logNote(String, text: String)
    case notice(String)
}

/// What `top` shall do.
enum TopAction: Hashable, Sendable {
    case quit
    case describe(TopTarget)
    case followLog(String)
    case stopLog
    case cancel(String)
    case reread(Set<TopFleet.Part>)
}

/// All that `top` shows, moved on by keys, events and answers; no terminal, no network, no clock.
struct TopModel: Sendable {
    /// What the keys mean.
    enum Mode: Hashable, Sendable {
        /// Moving in a list or a page.
        case moving
        /// Typing the name of a view.
        case command(String)
        /// Typing a filter; what it was before comes back with Esc.
        case filter(String, before: String)
        /// Asked whether to cancel a job.
        case confirm(job: String)
    }

    /// Where a view was left.
    struct Place: Sendable {
        var target: TopTarget?
        /// Which of the rows is selected.
        var ordinal = 0
        /// The first item shown.
        var offset = 0
        var filter = ""
        var sort: TopSort?
        /// Whether the last row stays selected as more come.
        var follows = false
    }

    /// One line of a list.
    enum Item: Hashable, Sendable {
        case header(section: Int)
        case row(section: Int, row: Int)
        case empty(section: Int)
        case gap
    }

    var size: TopSize
    var now: Date
    var fleet = TopFleet()
    var view = TopView.overview
    var before: [TopView] = []
    var mode = Mode.moving
    var page: TopPage?
    var notice: String?
    /// Since when the controller is not heard.
    var lostAt: Date?
    var isHeard = false
    var places: [TopView: Place] = [.events: Place(follows: true)]
    /// The lists of the view, filtered and sorted.
    private(set) var sections: [TopSection] = []
    /// The lines of the lists.
    private(set) var items: [Item] = []
    /// Which of the lines are rows.
    private(set) var rowItems: [Int] = []

    /// Text typed at a prompt, in characters.
    static let typedMax = 64
    /// Views to go back to.
    private static let beforeMax = 10

    /// Creates a model of nothing.
    init(size: TopSize, now: Date) {
        self.size = size
        self.now = now
        refresh()
    }

    /// The place of the view.
    var place: Place {
        get { places[view] ?? Place() }
        set { places[view] = newValue }
    }

    /// The selected thing: the page's, else the row's.
    var selected: TopTarget? { page.map(\.target) ?? (rowItems.isEmpty ? nil : place.target) }

    /// The line of the selected row.
    var selectedItem: Int? {
        rowItems.indices.contains(place.ordinal) ? rowItems[place.ordinal] : nil
    }

    /// Lines of the fleet's summary above the lists.
    var summaryRows: Int { view == .overview && page == nil && size.rows >= 16 ? 4 : 0 }

    /// Lines for lists and pages.
    var bodyRows: Int { max(1, size.rows - 2 - summaryRows) }

    /// Takes what is heard; answers what to do.
    mutating func take(_ news: TopNews, at now: Date) -> [TopAction] {
        self.now = now
        let actions = step(news)
        refresh()
        return actions
    }

    private mutating func step(_ news: TopNews) -> [TopAction] {
        switch news {
        case .key(let key): return handle(key)
        case .live(let nodes, let jobs):
            fleet.take(nodes)
            fleet.take(jobs)
            return []
        case .resized(let size):
            self.size = size
            if case .log(var log) = page?.content {
                log.resize(size.columns)
                page?.content = .log(log)
            }
        case .tick: break
        case .read(let reading):
            fleet.take(reading)
            return describedAgain
        case .past(let events): fleet.takePast(events)
        case .happened(let events):
            let stale = fleet.take(events)
            return stale.isEmpty ? [] : [.reread(stale)]
        case .heard(let isHeard):
            lostAt = isHeard ? nil : lostAt ?? now
            self.isHeard = isHeard || self.isHeard
        case .described(let target, let content):
            if page?.target == target, page?.isLog == false { page?.content = content }
        case .log(let id, let text): changeLog(id) { $0.append(text) }
        case .logNote(let id, let text): changeLog(id) { $0.note(text) }
        case .notice(let text): notice = SafeText.line(text)
        }
        return []
    }

    private mutating func changeLog(_ id: String, _ change: (inout TopLog) -> Void) {
        guard page?.target == .job(id), case .log(var log)? = page?.content else { return }
        change(&log)
        page?.content = .log(log)
    }

    /// A description is read again as its thing changes.
    private var describedAgain: [TopAction] {
        guard let page, let target = page.target else { return [] }
        switch page.content {
        case .job, .node, .cluster: return [.describe(target)]
        case .waiting, .trouble, .event, .log, .help: return []
        }
    }

    /// Goes to a view.
    mutating func show(_ view: TopView) {
        guard view != self.view else { return }
        before = (before + [self.view]).suffix(Self.beforeMax)
        self.view = view
    }

    /// Makes the lists anew, with the selection on the thing that it was on.
    private mutating func refresh() {
        sections = TopLists(fleet: fleet, width: size.columns - 2, now: now).sections(view)
        for index in sections.indices {
            sections[index].filter(place.filter)
            if let sort = place.sort { sections[index].sort(by: sort) }
        }
        items = []
        for (index, section) in sections.enumerated() {
            if index > 0 { items.append(.gap) }
            items.append(.header(section: index))
            if section.rows.isEmpty { items.append(.empty(section: index)) }
            items += section.rows.indices.map { .row(section: index, row: $0) }
        }
        rowItems = items.indices.filter { if case .row = items[$0] { true } else { false } }
        anchor()
        if var page {
            let lines = page.lines(width: size.columns, style: .none, now: now).count
            let last = max(0, lines - bodyRows)
            page.offset = page.follows ? last : min(page.offset, last)
            self.page = page
        }
    }

    /// The thing of a row.
    func target(_ item: Int) -> TopTarget? {
        guard items.indices.contains(item), case .row(let section, let row) = items[item] else {
            return nil
        }
        return sections[section].rows[row].target
    }

    private mutating func anchor() {
        var place = place
        if place.follows {
            place.ordinal = rowItems.count - 1
        } else if let wanted = place.target,
            let found = rowItems.firstIndex(where: { target($0) == wanted })
        {
            place.ordinal = found
        }
        place.ordinal = max(0, min(place.ordinal, rowItems.count - 1))
        let item = rowItems.indices.contains(place.ordinal) ? rowItems[place.ordinal] : 0
        place.target = target(item)
        // The first line always is a header: of the list whose rows follow it.
        place.offset = min(place.offset, max(0, item - 1))
        place.offset = max(place.offset, item - bodyRows + 1)
        place.offset = max(0, min(place.offset, items.count - bodyRows))
        self.place = place
    }
}

extension TopPage {
    /// Whether it is a log.
    var isLog: Bool { if case .log = content { true } else { false } }
}
