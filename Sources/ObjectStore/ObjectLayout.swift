/// Where things lie in the bucket.
///
/// Output keys contain the attempt, so a late writer of an attempt that was given up cannot touch
/// the job's result.
package enum ObjectLayout {
    /// `outputs/images/JOB/ATTEMPT/NAME`; the folder follows from the job's kind.
    ///
    /// A file may have any name, a key may not: see `fileComponent`.
    package static func output(
        kind: String, job: String, attempt: Int, name: String
    ) throws(ObjectStoreError) -> ObjectKey {
        guard !name.isEmpty, !name.utf8.contains(UInt8(ascii: "/")) else {
            throw ObjectStoreError(.invalidKey, "That is not the name of a file.")
        }
        let folder = folder(forKind: kind)
        return try key(["outputs", folder, job, number(attempt), fileComponent(name)])
    }

    /// `logs/JOB/ATTEMPT.log`.
    package static func log(job: String, attempt: Int) throws(ObjectStoreError) -> ObjectKey {
        try key(["logs", job, number(attempt) + ".log"])
    }

    /// `uploads/OWNER/ID/NAME`: a file that a user gave as an input.
    package static func upload(
        owner: String, id: String, name: String
    ) throws(ObjectStoreError) -> ObjectKey {
        try key(["uploads", component(owner), id, name])
    }

    /// `uploads/OWNER`, where a user's uploads lie.
    package static func uploads(of owner: String) -> String { "uploads/" + component(owner) }

    /// `inputs/JOB.json`: an input that is too large for the record.
    package static func input(job: String) throws(ObjectStoreError) -> ObjectKey {
        try key(["inputs", job + ".json"])
    }

    /// `configs/NAME`.
    package static func config(name: String) throws(ObjectStoreError) -> ObjectKey {
        try key(["configs", name])
    }

    /// `backups/NAME/FILE`.
    package static func backup(
        name: String, file: String
    ) throws(ObjectStoreError) -> ObjectKey {
        try key(["backups", name, file])
    }

    /// The job whose output, log or input lies there; nil for a key that is not made here.
    package static func job(of key: ObjectKey) -> String? {
        let parts = key.components
        switch (parts.first ?? "", parts.count) {
        case ("outputs", 5) where outputFolders.contains(parts[1]) && isNumber(parts[3]):
            return parts[2]
        case ("logs", 3) where parts[2].hasSuffix(".log") && isNumber(parts[2].dropLast(4)):
            return parts[1]
        case ("inputs", 2) where parts[1].hasSuffix(".json"):
            return String(parts[1].dropLast(5))
        default: return nil
        }
    }

    /// The folders below `outputs/`.
    package static let outputFolders = ["audio", "images", "temp", "videos"]

    /// The folder below `outputs/` for a job's kind.
    package static func folder(forKind kind: String) -> String {
        switch kind {
        case "image": "images"
        case "video": "videos"
        case "voice", "audio": "audio"
        default: "temp"
        }
    }

    /// The name of a file as a part of a key: itself where a key may have it, else another of its own.
    ///
    /// One that was changed begins with `_`, and one that begins so is changed, so no two names meet.
    private static func fileComponent(_ name: String) -> String {
        let bytes = name.utf8
        let isPlain =
            bytes.count <= ObjectKey.componentBytesMax && bytes.allSatisfy(ObjectKey.isAllowed)
            && bytes.first != UInt8(ascii: ".") && bytes.first != UInt8(ascii: "_")
        if isPlain { return name }
        let escaped = "_" + component(name)
        if escaped.utf8.count <= ObjectKey.componentBytesMax { return escaped }
        // Only a plain name could be escaped to this, and that is never escaped.
        return "_sha256-" + SigV4.hash(bytes)
    }

    /// Any text as a part of a key: what a key has not is `_` and two hexadecimal digits, byte by byte.
    private static func component(_ text: String) -> String {
        var part = ""
        for byte in text.utf8 {
            let isPlain =
                ObjectKey.isAllowed(byte) && byte != UInt8(ascii: "_")
                && !(part.isEmpty && byte == UInt8(ascii: "."))
            if isPlain {
                part.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                part += (byte < 16 ? "_0" : "_") + String(byte, radix: 16)
            }
        }
        return part
    }

    private static func number(_ attempt: Int) throws(ObjectStoreError) -> String {
        guard attempt >= 0 else {
            throw ObjectStoreError(.invalidKey, "An attempt is not negative.")
        }
        return String(attempt)
    }

    /// Whether it is a number as `number` writes one.
    private static func isNumber(_ text: some StringProtocol) -> Bool {
        Int(text).map { $0 >= 0 && String($0) == text } ?? false
    }

    private static func key(_ parts: [String]) throws(ObjectStoreError) -> ObjectKey {
        // A slash in a part would move the object to another job.
        guard parts.allSatisfy({ !$0.utf8.contains(UInt8(ascii: "/")) }) else {
            throw ObjectStoreError(.invalidKey, "A name in a key has no slash.")
        }
        return try ObjectKey(parts.joined(separator: "/"))
    }
}
