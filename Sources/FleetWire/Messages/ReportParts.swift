import CFleetMessages
import CProtobufC
import FleetCore

// What reports are made of.

extension Jessica__V1__Progress: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__progress__init(memory)
    }

    mutating func fill(_ value: Progress, _ arena: borrowing Arena) throws(WireError) {
        unsafe fraction = try arena.make(
            Bounds.fraction(value.fraction, "Progress.fraction"), "Progress.fraction")
        unsafe text = try arena.text(value.text, .words, "Progress.text")
    }

    func decoded() throws(WireError) -> Progress {
        try unsafe Progress(
            fraction: Bounds.fraction(Read.optional(fraction), "Progress.fraction"),
            text: Read.text(text, .words, "Progress.text"))
    }
}

extension Jessica__V1__Failure: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__failure__init(memory)
    }

    mutating func fill(_ value: Failure, _ arena: borrowing Arena) throws(WireError) {
        unsafe code = try arena.text(value.code.rawValue, .name, "Failure.code")
        unsafe message = try arena.text(value.message, .words, "Failure.message")
    }

    func decoded() throws(WireError) -> Failure {
        try unsafe Failure(
            FailureCode(Read.text(code, .name, "Failure.code")),
            Read.text(message, .words, "Failure.message"))
    }
}

extension Jessica__V1__Output: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__output__init(memory)
    }

    mutating func fill(_ value: Output, _ arena: borrowing Arena) throws(WireError) {
        unsafe name = try arena.text(value.name, .component, "Output.name")
        unsafe content_type = try arena.text(
            value.contentType, .mediaType, "Output.contentType")
        unsafe size = value.size
        unsafe key = try arena.text(value.key, .objectKey, "Output.key")
        unsafe digest = try arena.text(value.digest ?? "", .nameOrNone, "Output.digest")
    }

    func decoded() throws(WireError) -> Output {
        let digest = try unsafe Read.text(digest, .nameOrNone, "Output.digest")
        return try unsafe Output(
            name: Read.text(name, .component, "Output.name"),
            contentType: Read.text(content_type, .mediaType, "Output.contentType"),
            size: size,
            key: Read.text(key, .objectKey, "Output.key"),
            digest: digest.isEmpty ? nil : digest)
    }
}
