import Settings
import Testing

@Suite struct SuggestionTests {
    @Test(arguments: [
        ("", "", 0), ("a", "", 1), ("", "ab", 2), ("image", "image", 0), ("imgae", "image", 1),
        ("kitten", "sitting", 3), ("ab", "ba", 1), ("servise", "service", 1),
    ])
    func distances(a: String, b: String, distance: Int) {
        #expect(Suggestion.distance(a, b) == distance)
        #expect(Suggestion.distance(b, a) == distance)
    }

    @Test func nearest() {
        let words = ["service", "services", "template"]
        #expect(Suggestion.nearest(to: "servise", among: words) == "service")
        #expect(Suggestion.nearest(to: "SERVICES", among: words) == "services")
        #expect(Suggestion.nearest(to: "zebra", among: words) == nil)
        #expect(Suggestion.nearest(to: "", among: words) == nil)
        #expect(Suggestion.nearest(to: String(repeating: "s", count: 1000), among: words) == nil)
    }
}
