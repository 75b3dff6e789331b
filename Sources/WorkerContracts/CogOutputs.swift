import NIOCore

/// Turns the `output` of a prediction into files.
///
/// | output | files |
/// |---|---|
/// | text | `output.txt` |
/// | data URL, or a file that was sent before | `output.png` and the like |
/// | list of texts (a token stream) | one `output.txt`, joined |
/// | other list | `output-0.png`, `output-1.png`, … |
/// | object | `audio.wav` for the file under `audio`; below that `images-0.png` |
/// | anything in it that is not a file | `output.json`: the whole value, each file replaced by its name |
struct CogOutputs {
    let limits: CogResult.Limits
    /// Absolute paths are files in the container: true for the older server only.
    let pathsAreFiles: Bool

    private(set) var outputs: [NamedOutput] = []
    private(set) var containerFiles: [ContainerFile] = []
    private(set) var uploads: [UploadedFile] = []
    private var names = OutputNames()
    private var bytesTotal = 0
    /// Something was neither a file nor null, so the structure itself is worth keeping.
    private var hasPlainValues = false

    init(limits: CogResult.Limits, pathsAreFiles: Bool) {
        self.limits = limits
        self.pathsAreFiles = pathsAreFiles
    }

    mutating func take(_ output: JSONText) throws(WorkerError) {
        switch output.kind {
        case .null: return
        case .string: try takeText(output)
        case .bool, .number:
            try add("output", "json", "application/json", ByteBuffer(bytes: output.raw))
        case .array:
            if let joined = try joinedTokens(output) {
                try add("output", "txt", "text/plain", joined)
            } else {
                try takeStructure(output)
            }
        case .object: try takeStructure(output)
        }
    }

    private mutating func takeText(_ output: JSONText) throws(WorkerError) {
        guard let text = output.stringBytes else { return }
        if try takeFile(text, stem: "output") != nil { return }
        try refuseLink(text)
        try add("output", "txt", "text/plain", ByteBuffer(bytes: text))
    }

    private mutating func takeStructure(_ output: JSONText) throws(WorkerError) {
        // Reserved first, so that a member called "output" cannot take the name from the structure.
        let reserved = names.claim(stem: "output", fileExtension: "json")
        var rest = ByteBuffer()
        try walk(output, stem: output.kind == .array ? "output" : "", depth: 0, into: &rest)
        guard hasPlainValues || count == 0 else { return }
        try append(NamedOutput(name: reserved, contentType: "application/json", bytes: rest))
    }

    /// Collects files below `value` and writes it to `rest` with each file replaced by its name.
    private mutating func walk(
        _ value: JSONText, stem: String, depth: Int, into rest: inout ByteBuffer
    ) throws(WorkerError) {
        let deeper = depth < CogResult.Limits.fileDepthMax
        switch value.kind {
        case .array where deeper:
            rest.writeString("[")
            for (index, element) in try value.elements(max: limits.valuesMax).enumerated() {
                if index > 0 { rest.writeString(",") }
                if depth == 0, let text = element.stringBytes { try refuseLink(text) }
                try walk(element, stem: "\(stem)-\(index)", depth: depth + 1, into: &rest)
            }
            rest.writeString("]")
        case .object where deeper:
            rest.writeString("{")
            for (index, member) in try value.members(max: limits.valuesMax).enumerated() {
                if index > 0 { rest.writeString(",") }
                rest.writeString(JSONEscapes.quote(member.key) + ":")
                let inner = stem.isEmpty ? member.key : "\(stem)-\(member.key)"
                try walk(member.value, stem: inner, depth: depth + 1, into: &rest)
            }
            rest.writeString("}")
        case .string:
            if let text = value.stringBytes, let name = try takeFile(text, stem: stem) {
                rest.writeString(JSONEscapes.quote(name))
            } else {
                hasPlainValues = true
                rest.writeString(JSONEscapes.quote(value.string ?? ""))
            }
        case .null: rest.writeString("null")
        default:
            hasPlainValues = true
            // Copied as text, so that a byte that is not UTF-8 cannot get into a JSON file.
            rest.writeString(String(decoding: value.raw, as: UTF8.self))
        }
    }

    /// Takes the text as a file when it is one; its name, else nil.
    private mutating func takeFile(
        _ text: ArraySlice<UInt8>, stem: String
    ) throws(WorkerError) -> String? {
        if let url = DataURL(text) {
            guard url.decodedBytesMax <= limits.bytesMax - bytesTotal + 3 else {
                throw tooManyBytes()
            }
            let ext = ContentType.fileExtension(forType: url.contentType)
            return try add(stem, ext, url.contentType, try url.decoded())
        }
        if let stored = UploadReference.storedName(in: text) {
            return try takeUpload(stored, stem: stem)
        }
        guard pathsAreFiles, let path = Self.containerPath(text) else { return nil }
        try countOutput()
        let ext = ContentType.fileExtension(of: path) ?? "bin"
        let name = names.claim(stem: stem, fileExtension: ext)
        containerFiles.append(
            ContainerFile(name: name, contentType: ContentType.forFile(named: path), path: path))
        return name
    }

    /// Takes a file that was sent before, named as if it had come in the old way of its server.
    private mutating func takeUpload(
        _ stored: String, stem: String
    ) throws(WorkerError) -> String {
        try countOutput()
        let type = ContentType.forFile(named: stored)
        let own = pathsAreFiles ? ContentType.fileExtension(of: stored) : nil
        let ext = own ?? ContentType.fileExtension(forType: type)
        let name = names.claim(stem: stem, fileExtension: ext)
        uploads.append(UploadedFile(name: name, contentType: type, storedName: stored))
        return name
    }

    private static func containerPath(_ text: ArraySlice<UInt8>) -> String? {
        guard text.first == UInt8(ascii: "/"), text.count <= 1024, text.last != UInt8(ascii: "/"),
            text.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { return nil }
        // By bytes: a slash and an accent after it are one character, and yet a slash.
        let parts = text.split(separator: UInt8(ascii: "/"))
        guard !parts.isEmpty, !parts.contains(where: { $0.elementsEqual("..".utf8) }) else {
            return nil
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// A list of plain texts as one text; nil when it is anything else.
    private func joinedTokens(_ list: JSONText) throws(WorkerError) -> ByteBuffer? {
        let elements = try list.elements(max: limits.valuesMax)
        guard !elements.isEmpty else { return nil }
        var joined = ByteBuffer()
        var links = 0
        for element in elements {
            guard let text = element.stringBytes, DataURL(text) == nil,
                UploadReference.storedName(in: text) == nil
            else { return nil }
            if pathsAreFiles, Self.containerPath(text) != nil { return nil }
            if Self.isLink(text) { links += 1 }
            joined.writeBytes(text)
        }
        return links == elements.count ? nil : joined
    }

    private static func isLink(_ text: ArraySlice<UInt8>) -> Bool {
        guard text.count <= 4096 else { return false }
        let lower = String(decoding: text.prefix(8), as: UTF8.self).lowercased()
        return (lower.hasPrefix("http://") || lower.hasPrefix("https://"))
            && text.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }

    private func refuseLink(_ text: ArraySlice<UInt8>) throws(WorkerError) {
        guard Self.isLink(text), UploadReference.storedName(in: text) == nil else { return }
        throw WorkerError(
            .badOutput,
            "The worker returned a link instead of a file, and links are not followed; "
                + "a command of its own must not have --upload-url.")
    }

    @discardableResult
    private mutating func add(
        _ stem: String, _ ext: String, _ type: String, _ bytes: ByteBuffer
    ) throws(WorkerError) -> String {
        let name = names.claim(stem: stem, fileExtension: ext)
        try append(NamedOutput(name: name, contentType: type, bytes: bytes))
        return name
    }

    private mutating func append(_ output: NamedOutput) throws(WorkerError) {
        try countOutput()
        guard output.bytes.readableBytes <= limits.bytesMax - bytesTotal else {
            throw tooManyBytes()
        }
        bytesTotal += output.bytes.readableBytes
        outputs.append(output)
    }

    private var count: Int { outputs.count + containerFiles.count + uploads.count }

    private func countOutput() throws(WorkerError) {
        guard count < limits.outputsMax else {
            throw WorkerError(
                .tooLarge, "The worker returned more than \(limits.outputsMax) outputs.")
        }
    }

    private func tooManyBytes() -> WorkerError {
        WorkerError(.tooLarge, "The worker's outputs are larger than \(limits.bytesMax) bytes.")
    }
}
