import Foundation

/// Draws a model: exactly as many lines as the terminal has, none wider than it.
struct TopRenderer: Sendable {
    let style: Style

    /// The lines.
    func lines(_ model: TopModel) -> [String] {
        let size = model.size
        guard size.isEnough else { return tooSmall(size) }
        let body = model.page.map { page($0, model) } ?? (summary(model) + list(model))
        let room = max(0, size.rows - 2)
        let filled = body.prefix(room) + Array(repeating: "", count: max(0, room - body.count))
        return ([bar(model)] + filled + [foot(model)]).map { $0.clipped(to: size.columns) }
    }

    private func tooSmall(_ size: TopSize) -> [String] {
        let least = TopSize.least
        let words = [
            "This terminal is \(size.columns)x\(size.rows).",
            "top needs \(least.columns)x\(least.rows).", "Please enlarge it; q quits.",
        ]
        let rows = max(0, size.rows)
        let lines = words.prefix(rows).map { $0.truncated(to: max(0, size.columns)) }
        return lines + Array(repeating: "", count: rows - lines.count)
    }

    // The bar on top

    private func bar(_ model: TopModel) -> String {
        let width = model.size.columns
        let right = link(model)
        var left: String
        if let page = model.page {
            left = " " + SafeText.line(page.title)
        } else if width >= 76 {
            left = TopView.allCases.map { view in
                let label = "\(view.rawValue) \(view.name)"
                return view == model.view ? "[\(label)]" : " \(label) "
            }.joined()
        } else {
            left = "[\(model.view.rawValue) \(model.view.name)]"
        }
        left = left.truncated(to: max(0, width - right.displayWidth - 1))
        let gap = max(1, width - left.displayWidth - right.displayWidth)
        let line = left + String(repeating: " ", count: gap) + right
        return model.lostAt == nil ? style.reversed(line) : style.paint(line, .bad)
    }

    private func link(_ model: TopModel) -> String {
        guard let lostAt = model.lostAt else { return model.isHeard ? "live " : "connecting " }
        return "STALE " + Humane.duration(model.now.timeIntervalSince(lostAt).rounded()) + " "
    }

    // The middle

    private func summary(_ model: TopModel) -> [String] {
        guard model.summaryRows > 0 else { return [] }
        let lines = model.fleet.summary.map { SummaryText.lines($0) } ?? []
        return (0..<model.summaryRows).map { $0 < lines.count ? lines[$0] : "" }
            .map { $0.truncated(to: model.size.columns) }
    }

    private func list(_ model: TopModel) -> [String] {
        let width = model.size.columns - 2
        let tables = model.sections.map { section in
            Table(columns: section.columns, rows: section.rows.map { $0.cells.map(\.text) })
                .singles(width: width, style: style)
        }
        var end = model.items.count
        let start = min(model.place.offset, end)
        end = min(end, start + model.bodyRows)
        var first = true
        return model.items[start..<end].indices.map { index in
            defer { first = false }
            // The header of the list that is scrolled through stays.
            if first, case .row(let section, _) = model.items[index] {
                return "  " + tables[section].header
            }
            switch model.items[index] {
            case .gap: return ""
            case .header(let section): return "  " + tables[section].header
            case .empty(let section):
                let filter = model.place.filter
                let why = filter.isEmpty ? model.sections[section].empty : "none has '\(filter)'"
                return "  " + style.paint(why.truncated(to: width), .faint)
            case .row(let section, let row):
                guard index == model.selectedItem else { return "  " + tables[section].row(row) }
                let text = "> " + tables[section].plainRow(row)
                return style.reversed(text.padded(to: model.size.columns))
            }
        }
    }

    private func page(_ page: TopPage, _ model: TopModel) -> [String] {
        let lines = page.lines(width: model.size.columns, style: style, now: model.now)
        let start = max(0, min(page.offset, lines.count))
        return Array(lines[start...].prefix(model.bodyRows))
    }

    // The line at the bottom

    private func foot(_ model: TopModel) -> String {
        let width = model.size.columns
        switch model.mode {
        case .command(let text): return ":\(text)_"
        case .filter(let text, _): return "/\(text)_"
        case .confirm(let id):
            let job = model.fleet.jobs.first { $0.id == id }
            let short = id.truncated(to: max(8, width - 24))
            let place = job.map { " (\($0.kind ?? "job"), \($0.state ?? "?"))" } ?? ""
            let question = SafeText.line("cancel \(short)\(place)?")
            return style.paint(question.truncated(to: width - 6) + " y/N", .warning)
        case .moving: break
        }
        if let notice = model.notice {
            return style.paint(SafeText.line(notice).truncated(to: width), .warning)
        }
        let right = position(model)
        let hints =
            model.page == nil
            ? "Enter describe  l log  c cancel  / filter  : view  ? help  q quit"
            : "Esc back  j/k scroll  g/G ends  l log  q quit"
        let left = hints.truncated(to: max(0, width - right.displayWidth - 2))
        let gap = max(1, width - left.displayWidth - right.displayWidth)
        return style.paint(left + String(repeating: " ", count: gap) + right, .faint)
    }

    private func position(_ model: TopModel) -> String {
        if let page = model.page {
            let count = page.lines(width: model.size.columns, style: .none, now: model.now).count
            let below = max(0, count - page.offset - model.bodyRows)
            return below > 0 ? "\(below) more below" : "end"
        }
        let count = model.rowItems.count
        let at = count == 0 ? "none" : "\(model.place.ordinal + 1)/\(count)"
        let filter = model.place.filter
        return filter.isEmpty ? at : "/\(filter.truncated(to: 12)) \(at)"
    }
}

extension String {
    /// The text with spaces after it.
    func padded(to columns: Int) -> String {
        self + String(repeating: " ", count: max(0, columns - displayWidth))
    }

    /// The text, cut at a width, without counting or cutting its colours.
    func clipped(to columns: Int) -> String {
        guard unicodeScalars.contains("\u{1B}") else {
            return displayWidth <= columns ? self : truncated(to: columns)
        }
        var kept = ""
        var used = 0
        var isInSequence = false
        for character in self {
            if isInSequence || character == "\u{1B}" {
                kept.append(character)
                isInSequence = character != "m"
            } else if used + character.displayWidth <= columns {
                kept.append(character)
                used += character.displayWidth
            }
        }
        return kept
    }
}
