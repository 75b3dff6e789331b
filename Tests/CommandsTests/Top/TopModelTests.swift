import Foundation
import Testing

@testable import Commands

@Suite struct TopModelTests {
    private static let queuedID = "01JD3V5K8Q2M7N4P6R8S0T1V2X"

    @Test func digitsNamesAndTheirStartsChooseAView() throws {
        var model = try TopSamples.model()
        model.press(.character("2"))
        #expect(model.view == .nodes)
        model.type(":jobs")
        model.press(.enter)
        #expect(model.view == .jobs)
        model.type(":ro")
        model.press(.enter)
        #expect(model.view == .roamers)
        model.type(":job")
        model.press(.enter)
        #expect(model.view == .jobs)
        model.press(.escape, .escape)
        #expect(model.view == .jobs)
        model.press(.escape)
        #expect(model.view == .nodes)
        model.type(":nods")
        #expect(model.text.contains(":nods_"))
        model.press(.enter)
        #expect(model.view == .nodes)
        #expect(model.notice == "no view 'nods': did you mean 'nodes'?")
        #expect(model.type(":q") == [])
        #expect(model.press(.enter) == [.quit])
    }

    @Test func quittingWorksEverywhere() throws {
        var model = try TopSamples.model()
        #expect(model.press(.character("q")) == [.quit])
        for open in ["?", "/", ":"] {
            model.type(open)
            #expect(model.press(.control("c")).contains(.quit))
        }
        // At a prompt q is a letter.
        model.press(.escape, .escape)
        #expect(model.type("/q") == [])
    }

    @Test func theFilterActsAsItIsTyped() throws {
        var model = try TopSamples.model()
        model.press(.character("2"))
        model.type("/AGX-1")
        #expect(model.rowItems.count == 2)
        #expect(!model.text.contains("agx-01"))
        model.press(.enter)
        #expect(model.screen.last?.contains("/AGX-1 1/2") == true)
        model.press(.character("/"), .backspace, .escape)
        #expect(model.rowItems.count == 2, "Esc brings back what was before")
        model.press(.escape)
        #expect(model.rowItems.count == 4)
        model.type("/!agx-1")
        model.press(.enter)
        #expect(model.rowItems.count == 2 && model.text.contains("agx-01"))
        model.press(.character("/"), .control("u"))
        model.type("nothing like it")
        #expect(model.rowItems.isEmpty && model.text.contains("none has 'nothing like it'"))
        #expect(model.press(.enter, .enter, .down, .pageDown, .character("G")) == [])
        // What is typed is bounded, and no control character gets in.
        model.type("/" + String(repeating: "x", count: 500) + "\u{202E}")
        #expect(model.place.filter.count == TopModel.typedMax)
    }

    @Test func theSelectionStaysOnItsThing() throws {
        var model = try TopSamples.model()
        model.press(.character("2"), .down, .down)
        #expect(model.selected == .node("agx-11"))
        var reading = try TopSamples.reading()
        reading.nodes?.removeFirst()
        _ = model.take(.read(reading), at: model.now)
        #expect(model.selected == .node("agx-11"))
        // When it is gone, its place is kept.
        reading.nodes?.removeAll { $0.name == "agx-11" }
        _ = model.take(.read(reading), at: model.now)
        #expect(model.selected == .node("agx-12"))
        reading.nodes = []
        _ = model.take(.read(reading), at: model.now)
        #expect(model.selected == nil)
        #expect(model.press(.enter, .character("l"), .character("c")) == [])
    }

    @Test func aThousandNodesScroll() throws {
        let nodes = try TopSamples.nodes(1_000)
        var model = try TopSamples.model(80, 24, .init(nodes: nodes))
        model.press(.character("2"))
        #expect(model.marked?.contains("n0000") == true)
        model.press(.character("G"))
        #expect(model.marked?.contains("n0999") == true)
        #expect(model.screen.last?.contains("1000/1000") == true)
        #expect(model.screen[1].contains("NODE"), "the header stays")
        #expect(model.screen[22].contains("n0999"))
        model.press(.pageUp)
        #expect(model.marked?.contains("n0978") == true)
        model.press(.character("g"))
        #expect(model.marked?.contains("n0000") == true)
        model.press(.pageDown, .down, .up)
        #expect(model.marked?.contains("n0021") == true)
        for _ in 0..<50 { model.press(.character("j")) }
        #expect(model.marked?.contains("n0071") == true)
        model.press(.home)
        #expect(model.screen[2].contains("n0000"))
    }

    @Test func sortingGoesThroughTheColumns() throws {
        let nodes = try TopSamples.nodes(12)
        var model = try TopSamples.model(80, 24, .init(nodes: nodes))
        model.press(.character("2"))
        func first() -> String? {
            model.screen[2].split(separator: " ").dropFirst().first.map(String.init)
        }
        for _ in 0..<4 { model.press(.character("s")) }
        #expect(model.place.sort == TopSort(column: "CPU", isDown: true))
        #expect(model.screen[1].contains("CPU↓"))
        #expect(model.screen[2].contains("n0000"))
        model.press(.character("S"))
        #expect(model.screen[1].contains("CPU↑"))
        #expect(model.screen[2].contains("n0011"), "numbers, not texts: 8 before 100")
        #expect(model.marked?.contains("n0000") == true, "the selection goes along")
        for _ in 0..<20 where model.place.sort != nil { model.press(.character("o")) }
        #expect(model.place.sort == nil && model.screen[2].contains("n0000"))
        model.press(.character("5"), .character("s"))
        #expect(model.notice?.contains("keeps its order") == true)
    }

    @Test func enterDescribesAndEscGoesBack() throws {
        var model = try TopSamples.model()
        model.press(.character("2"))
        #expect(model.press(.enter) == [.describe(.node("agx-01"))])
        #expect(model.text.contains("node agx-01") && model.text.contains("one moment"))
        let node = try TopSamples.decoded(Node.self, Samples.node)[0]
        // What is no longer looked at is not shown.
        _ = model.take(.described(.node("agx-02"), .trouble("late")), at: model.now)
        #expect(!model.text.contains("late"))
        _ = model.take(.described(.node("agx-01"), .node(node)), at: model.now)
        #expect(model.text.contains("10.0.0.11") && model.text.contains("sdxl-api"))
        // Once more as the fleet is read again.
        let again = model.take(.read(.init()), at: model.now)
        #expect(again == [.describe(.node("agx-01"))])
        model.press(.escape)
        #expect(model.page == nil && model.marked?.contains("agx-01") == true)
    }

    @Test func aLongPageScrolls() throws {
        var model = try TopSamples.model(40, 10)
        model.press(.character("?"))
        #expect(model.screen.last?.contains("more below") == true)
        let first = model.screen[1]
        model.press(.down)
        #expect(model.screen[1] != first)
        model.press(.character("G"))
        #expect(model.screen.last?.hasSuffix("end") == true)
        model.press(.character("g"))
        #expect(model.screen[1] == first)
        model.press(.character("3"))
        #expect(model.view == .jobs && model.page == nil)
    }

    @Test func cancellingAsksFirst() throws {
        for (key, goes) in [
            (TopKey.character("y"), true), (.character("n"), false), (.escape, false),
            (.enter, false), (.character("c"), false),
        ] {
            var model = try TopSamples.model()
            model.press(.character("3"), .down)
            #expect(model.press(.control("k")) == [])
            #expect(model.screen.last?.contains("cancel \(Self.queuedID)") == true)
            #expect(model.screen.last?.hasSuffix("y/N") == true)
            // The list may move under the question.
            var reading = try TopSamples.reading()
            reading.jobs?.removeFirst()
            _ = model.take(.read(reading), at: model.now)
            #expect(model.press(key) == (goes ? [.cancel(Self.queuedID)] : []))
            #expect(model.mode == .moving)
        }
        var model = try TopSamples.model()
        model.press(.character("2"), .character("c"))
        #expect(model.notice == "choose a job first; :jobs lists them")
        let ended = try TopSamples.decoded(Job.self, Samples.succeeded)
        _ = model.take(.read(.init(jobs: ended)), at: model.now)
        model.press(.character("3"), .character("c"))
        #expect(model.notice?.contains("has succeeded already") == true)
        #expect(model.mode == .moving)
    }

    @Test func aLogIsFollowedUntilEsc() throws {
        var model = try TopSamples.model()
        model.press(.character("3"))
        #expect(model.press(.character("l")) == [.followLog(Samples.id)])
        for line in 0..<100 {
            _ = model.take(.log(Samples.id, text: "line \(line)\nhalf"), at: model.now)
            _ = model.take(.log(Samples.id, text: " whole\n"), at: model.now)
        }
        #expect(model.screen[22] == "half whole" && model.screen[21] == "line 99")
        _ = model.take(.log("another", text: "not mine\n"), at: model.now)
        #expect(!model.text.contains("not mine"))
        // Scrolled up it stands still, and says what waits.
        model.press(.up)
        _ = model.take(.log(Samples.id, text: "line 100\n"), at: model.now)
        #expect(
            model.screen[22] == "line 99" || model.screen.last?.contains("2 more below") == true)
        model.press(.character("G"))
        #expect(model.screen[22] == "line 100")
        _ = model.take(.logNote(Samples.id, text: "job succeeded"), at: model.now)
        #expect(model.screen[22] == "— job succeeded —")
        #expect(model.press(.escape) == [.stopLog])
        #expect(model.page == nil)
    }

    @Test func eventsAreFollowedAtTheEnd() throws {
        var model = try TopSamples.model()
        model.press(.character("5"))
        #expect(model.text.contains("nothing has happened yet"))
        for number in 1...50 {
            let event = try TopSamples.event(number, "node.state", node: "agx-\(number)", to: "x")
            _ = model.take(.happened([event]), at: model.now)
        }
        #expect(model.selected == .event(50))
        model.press(.up)
        let event = try TopSamples.event(51, "node.state", node: "agx-51", to: "x")
        _ = model.take(.happened([event]), at: model.now)
        #expect(model.selected == .event(49))
        model.press(.character("G"))
        #expect(model.selected == .event(51))
        model.press(.enter)
        #expect(model.text.contains("agx-51") && model.text.contains("node.state"))
    }

    @Test func aLostControllerIsSaid() throws {
        var model = try TopSamples.model()
        #expect(model.screen[0].hasSuffix("live "))
        _ = model.take(.heard(false), at: FakeTime.noon)
        _ = model.take(.tick, at: FakeTime.noon.addingTimeInterval(12))
        #expect(model.screen[0].hasSuffix("STALE 12s "))
        _ = model.take(.heard(false), at: FakeTime.noon.addingTimeInterval(13))
        #expect(model.screen[0].hasSuffix("STALE 13s "), "lost once, not again")
        _ = model.take(.heard(true), at: FakeTime.noon.addingTimeInterval(14))
        #expect(model.screen[0].hasSuffix("live "))
    }
}
