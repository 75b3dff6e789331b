package import FleetCore

/// What a sentence asks for, by simple rules.
package struct Understanding: Sendable {
    /// The kind of job.
    package var kind: JobKind
    /// The words that decided.
    package var why: String
    /// The input for the worker.
    package var input: [String: JSONValue]
}

/// Finds the kind of job a sentence asks for.
///
/// Words are weighed: a noun that names the product counts most, a verb that only fits one kind next.
package enum Interpreter {
    private static let nouns: [(JobKind, [String])] = [
        (
            .video,
            [
                "video", "videos", "clip", "movie", "film", "animation", "animate", "timelapse",
                "footage",
            ]
        ),
        (
            .image,
            [
                "image", "images", "picture", "pictures", "photo", "photograph", "painting",
                "drawing",
                "illustration", "sketch", "portrait", "wallpaper", "logo", "poster", "paint",
                "draw",
            ]
        ),
        (
            .audio,
            [
                "music", "song", "melody", "tune", "beat", "soundtrack", "jingle", "instrumental",
                "lullaby", "sound", "compose",
            ]
        ),
        (
            .vision,
            [
                "camera", "cameras", "face", "faces", "detect", "recognize", "recognise", "eyes",
                "lookout", "surveillance",
            ]
        ),
        (
            .voice,
            ["say", "speak", "voice", "narrate", "pronounce", "tts", "aloud", "speech", "announce"]
        ),
        (
            .personality,
            ["jessica", "feel", "feeling", "mood", "remember", "yourself", "you"]
        ),
        (
            .text,
            [
                "write", "poem", "story", "explain", "summarize", "summarise", "translate", "what",
                "why", "how", "who", "when", "where", "calculate", "list", "essay", "answer",
                "tell",
                "text", "convert", "haiku", "is", "are",
            ]
        ),
    ]

    /// What a sentence asks for; nil when no rule matches.
    package static func understand(_ text: String) -> Understanding? {
        let words = text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
        guard !words.isEmpty else { return nil }
        // "Say …" at the beginning is the plainest order there is, whatever is to be said.
        if let first = words.first,
            ["say", "speak", "narrate", "pronounce", "announce"].contains(first)
        {
            return make(.voice, "it begins with “\(first)”", text)
        }
        for (kind, names) in nouns {
            if let word = words.first(where: { names.contains($0) }) {
                return make(kind, "it says “\(word)”", text)
            }
        }
        return nil
    }

    private static func make(_ kind: JobKind, _ why: String, _ text: String) -> Understanding {
        var input: [String: JSONValue] = ["prompt": .string(text)]
        if kind == .voice {
            input = ["prompt": .string(spoken(text))]
        }
        return Understanding(kind: kind, why: why, input: input)
    }

    /// What is to be said: the sentence without the order to say it.
    private static func spoken(_ text: String) -> String {
        let trimmed = text.drop { $0.isWhitespace }
        for verb in ["say", "speak", "narrate", "pronounce", "announce"]
        where trimmed.lowercased().hasPrefix("\(verb) ") {
            let rest = trimmed.dropFirst(verb.count).drop { $0.isWhitespace || $0 == ":" }
            if !rest.isEmpty { return String(rest) }
        }
        return String(trimmed)
    }
}
