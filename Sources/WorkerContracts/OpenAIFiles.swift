import NIOCore

/// Turns the answers of an OpenAI-compatible server that are not text into files.
enum OpenAIFiles {
    /// Most decoded bytes of one answer.
    static let bytesMax = 256 << 20
    /// Largest answer that carries images: base64 takes four bytes for three.
    static let imageAnswerBytesMax = bytesMax / 3 * 4 + (4 << 20)
    private static let imagesMax = 64

    /// The images of an answer: `image.png`, `image-2.png`, ….
    ///
    /// Throws `badOutput` for links: what a worker names is not fetched, as it could be any address in
    /// the house.
    static func images(_ body: [UInt8]) throws(WorkerError) -> OpenAIEnd {
        let root = try JSONText(validating: body)
        if let end = try OpenAIReply.error(in: root) { return end }
        var names = OutputNames()
        var outputs: [NamedOutput] = []
        var room = bytesMax
        for item in try root.member("data")?.elements(max: imagesMax) ?? [] {
            let bytes = try image(item, room: room)
            room -= bytes.readableBytes
            let type = FileSignature.type(of: bytes.readableBytesView) ?? ContentType.unknown
            let name = names.claim(
                stem: "image", fileExtension: ContentType.fileExtension(forType: type))
            outputs.append(NamedOutput(name: name, contentType: type, bytes: bytes))
        }
        guard !outputs.isEmpty else {
            throw WorkerError(.badOutput, "The worker's answer has no image.")
        }
        return .done(outputs)
    }

    private static func image(_ item: JSONText, room: Int) throws(WorkerError) -> ByteBuffer {
        let inline = try item.member("b64_json")?.stringBytes
        let link = try item.member("url")?.stringBytes
        guard let text = inline ?? link else {
            throw WorkerError(.badOutput, "The worker's answer has an image without its data.")
        }
        // Four letters are three bytes: checked before they are decoded.
        guard text.count / 4 * 3 <= room + DataURL.headerBytesMax else { throw tooLarge() }
        let bytes: ByteBuffer
        if let url = DataURL(text) {
            bytes = try url.decoded()
        } else if inline != nil {
            guard let plain = DataURL.base64(text) else {
                throw WorkerError(.badOutput, "The worker's image is not valid base64.")
            }
            bytes = plain
        } else {
            throw WorkerError(
                .badOutput,
                "The worker answered with a link instead of an image, and links are not followed; "
                    + "it must answer with b64_json.")
        }
        guard bytes.readableBytes <= room else { throw tooLarge() }
        guard bytes.readableBytes > 0 else {
            throw WorkerError(.badOutput, "The worker's answer has an empty image.")
        }
        return bytes
    }

    /// The sound of an answer: `speech.mp3` or what it is.
    static func speech(_ bytes: ByteBuffer, contentType: String?) throws(WorkerError) -> OpenAIEnd {
        let said = ContentType.sanitised(contentType ?? "")
        if said == "application/json" {
            let root = try JSONText(validating: [UInt8](buffer: bytes))
            if let end = try OpenAIReply.error(in: root) { return end }
        }
        guard !said.hasPrefix("text/"), said != "application/json" else {
            throw WorkerError(.badOutput, "The worker answered with \(said) instead of sound.")
        }
        guard bytes.readableBytes > 0 else {
            throw WorkerError(.badOutput, "The worker's answer has no sound.")
        }
        // Many servers do not say what it is.
        let type =
            said == ContentType.unknown
            ? FileSignature.type(of: bytes.readableBytesView) ?? said : said
        let name = "speech." + ContentType.fileExtension(forType: type)
        return .done([NamedOutput(name: name, contentType: type, bytes: bytes)])
    }

    private static func tooLarge() -> WorkerError {
        WorkerError(.tooLarge, "The worker's images are larger than \(bytesMax) bytes.")
    }
}
