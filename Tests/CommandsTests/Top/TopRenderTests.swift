import Foundation
import Testing

@testable import Commands

@Suite struct TopRenderTests {
    private static let sizes = [(80, 24), (120, 40), (40, 10), (41, 11), (200, 60)]

    /// Everything that can be on the screen.
    private static func everything(_ columns: Int, _ rows: Int) throws -> [TopModel] {
        var models: [TopModel] = []
        for view in TopView.allCases {
            var model = try TopSamples.model(columns, rows)
            let events = try (1...80).map {
                try TopSamples.event($0, "roamer.state", node: "agx-11", to: "IDLE", reason: "why")
            }
            _ = model.take(.past(events), at: model.now)
            model.press(.character(Character("\(view.rawValue)")))
            models.append(model)
            for keys in ["?", ":nod", "/agx", "c", "s"] {
                var other = model
                other.type(keys)
                models.append(other)
            }
            model.press(.enter)
            models.append(model)
        }
        var model = try TopSamples.model(columns, rows)
        model.press(.character("3"), .enter)
        let job = try TopSamples.decoded(Job.self, Samples.succeeded)[0]
        _ = model.take(.described(.job(Samples.id), .job(job, input: nil)), at: model.now)
        return models + [model]
    }

    @Test(arguments: sizes)
    func everyScreenFitsItsSize(_ columns: Int, _ rows: Int) throws {
        let colours = Style(isTerminal: true, environment: [:], refused: false)
        for model in try Self.everything(columns, rows) {
            #expect(model.screen.count == rows)
            for line in model.screen { #expect(line.displayWidth <= columns, "\(line)") }
            // With colours it says the same.
            let colour = try Regex("\u{1B}\\[[0-9;]*m")
            let painted = TopRenderer(style: colours).lines(model).map {
                $0.replacing(colour, with: "")
            }
            #expect(
                painted.map { $0.trimmingTrailingSpaces() }
                    == model.screen.map { $0.trimmingTrailingSpaces() })
            #expect(!model.text.contains("\u{1B}"))
        }
    }

    @Test func theOverviewAt80x24() throws {
        let expected = """
            [1 overview] 2 nodes  3 jobs  4 roamers  5 events                          live
            controller 0.1.0, up 1d2h, term 4, store healthy
            jobs: 3 queued, 2 running
            nodes: 14 ready, 1 suspect of 15; roamers: 2 running, 3 idle

              CLUSTER  READY  QUEUED  RUNNING  KINDS  ROAMERS
            > vision     2/2       3        1  image  agx-11

              ROAMER  STATE         FOR     UNTIL           SINCE  NOW
              agx-11  PROVISIONING  vision  until 13:00:00    12s  pulling 2.1/5.2 GB
              agx-12  IDLE          -       -                  2h

              JOB                         KIND   STATE    NODE    AGE  WHY
              01JD3V5K8Q2M7N4P6R8S0T1V2W  image  running  agx-01  30s  agx-01, 42%, step 21…
              01JD3V5K8Q2M7N4P6R8S0T1V2X  image  queued   -       30s  #3, ~1m34s, every vi…
            """
        let seen = try TopSamples.model().screen.map { $0.trimmingTrailingSpaces() }
        #expect(seen.prefix(15).joined(separator: "\n") == expected)
        #expect(seen[23].hasPrefix("Enter describe  l log") && seen[23].hasSuffix("1/5"))
    }

    @Test func nodesAt40x10HaveFewerColumns() throws {
        var model = try TopSamples.model(40, 10)
        model.press(.character("2"))
        let seen = model.screen.map { $0.trimmingTrailingSpaces() }
        #expect(seen[0] == "[2 nodes]                          live")
        #expect(seen[1] == "  NODE    STATE           JOBS  CPU  GPU")
        #expect(seen[2].hasPrefix("> agx-01  ready           1/2   13%  93%"))
    }

    @Test func nodesAt120HaveThemAll() throws {
        var model = try TopSamples.model(120, 40)
        model.press(.character("2"))
        for word in ["MEM", "TEMP", "POWER", "POD", "CLUSTER", "SEEN"] {
            #expect(model.screen[1].contains(word))
        }
        #expect(model.screen[2].contains("21/64G") && model.screen[2].contains("sdxl-api"))
        #expect(model.text.contains("sdxl-worker PROVISIONING"))
    }

    @Test func anEmptyFleetSaysSo() throws {
        for view in TopView.allCases {
            var model = try TopSamples.model(80, 24, .init())
            model.press(.character(Character("\(view.rawValue)")))
            #expect(model.marked == nil)
            #expect(model.text.contains(" no ") || model.text.contains("nothing has happened"))
            #expect(model.screen.last?.hasSuffix("none") == true)
        }
    }

    @Test(arguments: [(39, 24), (80, 9), (10, 3), (1, 1), (0, 0)])
    func aSmallTerminalIsToldSo(_ columns: Int, _ rows: Int) throws {
        var model = try TopSamples.model(columns, rows)
        #expect(model.screen.count == rows)
        #expect(model.screen.allSatisfy { $0.displayWidth <= max(columns, 0) })
        if columns >= 30, rows >= 3 { #expect(model.text.contains("top needs 40x10.")) }
        #expect(
            model.press(.down, .pageDown, .character("2"), .enter, .character("q")).last == .quit)
        _ = model.take(.resized(TopSize(columns: 80, rows: 24)), at: model.now)
        #expect(model.screen.count == 24)
    }

    @Test func namesCannotDriveTheTerminal() throws {
        let evil = #"evil\u001b[2J\u001b]0;owned\u0007\u009b31m\u202e\r\nname"#
        let wide = String(repeating: "火", count: 60)
        let node = """
            {"name":"\(evil)","state":"\(evil)","cluster":"\(evil)","role":"roamer",\
            "roamer":{"state":"\(evil)","reason":"\(wide)"}}
            """
        let job = #"{"id":"\#(evil)","kind":"\#(wide)","state":"queued","reason":"\#(evil)"}"#
        let reading = try TopFleet.Reading(
            clusters: TopSamples.decoded(Cluster.self, #"{"name":"\#(evil)"}"#),
            nodes: TopSamples.decoded(Node.self, node, #"{"name":"\#(wide)"}"#),
            jobs: TopSamples.decoded(Job.self, job))
        for (columns, rows) in Self.sizes {
            var model = try TopSamples.model(columns, rows, reading)
            for keys in ["1", "2", "3", "c", "n", "l"] {
                model.type(keys)
                _ = model.take(.notice("a\u{1B}[2Jb"), at: model.now)
                let id = model.fleet.jobs[0].id
                _ = model.take(.log(id, text: "x\u{1B}[2J\r\u{9B}31m\n"), at: model.now)
                for line in model.screen {
                    #expect(!line.unicodeScalars.contains(where: SafeText.isUnsafe), "\(line)")
                    #expect(line.displayWidth <= columns, "\(line)")
                }
            }
        }
    }

    @Test func wideCharactersKeepTheColumnsAligned() throws {
        let reading = try TopFleet.Reading(
            nodes: TopSamples.decoded(
                Node.self, #"{"name":"火山火山","state":"ready"}"#,
                #"{"name":"agx-0002","state":"ready"}"#))
        var model = try TopSamples.model(80, 24, reading)
        model.press(.character("2"))
        let columns = model.screen[2...3].map { line in
            line.range(of: "ready").map { line[..<$0.lowerBound].displayWidth }
        }
        #expect(columns == [12, 12])
    }

    @Test func aFrameHasOnlyWhatChanged() {
        var frame = TopFrame()
        let size = TopSize(columns: 40, rows: 3)
        func update(_ lines: [String], _ size: TopSize) -> String {
            String(decoding: frame.update(lines, size: size), as: UTF8.self)
        }
        let first = update(["a", "b", "c"], size)
        #expect(first.contains("\u{1B}[2J") && first.contains("\u{1B}[3;1H\u{1B}[2Kc"))
        #expect(update(["a", "b", "c"], size) == "")
        let second = update(["a", "x", "c"], size)
        #expect(second == "\u{1B}[?2026h\u{1B}[2;1H\u{1B}[2Kx\u{1B}[?2026l")
        #expect(update(["a", "x", "c"], TopSize(columns: 41, rows: 3)).contains("\u{1B}[2J"))
        frame.forget()
        #expect(update(["a", "x", "c"], TopSize(columns: 41, rows: 3)).contains("\u{1B}[2J"))
    }
}
