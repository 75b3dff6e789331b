import CFleetMessages
import CProtobufC
import FleetCore

// Questions about what an input refers to, and the answers.

extension Jessica__V1__InputRequest: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__input_request__init(memory)
    }

    mutating func fill(
        _ value: (id: UInt64, request: InputRequest), _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe id = value.id
        unsafe key = try arena.make(value.request.key, "InputRequest.key")
        unsafe word = try arena.text(value.request.word, .reference, "InputRequest.word")
        unsafe text = try arena.text(value.request.text, .reference, "InputRequest.text")
        unsafe offset = UInt32(clamping: value.request.offset)
    }

    func decoded() throws(WireError) -> (id: UInt64, request: InputRequest) {
        let request = try unsafe InputRequest(
            key: Read.required(key, "InputRequest.key"),
            word: Read.text(word, .reference, "InputRequest.word"),
            text: Read.text(text, .reference, "InputRequest.text"), offset: Int(offset))
        return (unsafe id, request)
    }
}

extension Jessica__V1__InputGrant: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__input_grant__init(memory)
    }

    mutating func fill(
        _ value: (id: UInt64, grant: InputGrant), _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe id = value.id
        unsafe refusal = try arena.text(value.grant.refusal, .words, "InputGrant.refusal")
        unsafe is_list = value.grant.isList ? 1 : 0
        unsafe is_passing = value.grant.isPassing ? 1 : 0
        unsafe total = UInt32(clamping: value.grant.total)
        unsafe n_files = value.grant.files.count
        unsafe files = try arena.makeList(value.grant.files, "InputGrant.files")
    }

    func decoded() throws(WireError) -> (id: UInt64, grant: InputGrant) {
        let grant = try unsafe InputGrant(
            refusal: Read.text(refusal, .words, "InputGrant.refusal"), isPassing: is_passing != 0,
            isList: is_list != 0,
            total: Int(total), files: Read.list(files, n_files, "InputGrant.files"))
        return (unsafe id, grant)
    }
}

extension Jessica__V1__InputFile: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__input_file__init(memory)
    }

    mutating func fill(
        _ value: InputGrant.File, _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe name = try arena.text(value.name, .component, "InputFile.name")
        unsafe content_type = try arena.text(
            value.contentType, .mediaType, "InputFile.contentType")
        unsafe size = value.size
        unsafe url = try arena.text(value.url, .line, "InputFile.url")
        unsafe n_headers = value.headers.count
        unsafe headers = try arena.makeList(value.headers, "InputFile.headers")
    }

    func decoded() throws(WireError) -> InputGrant.File {
        try unsafe InputGrant.File(
            name: Read.text(name, .component, "InputFile.name"),
            contentType: Read.text(content_type, .mediaType, "InputFile.contentType"),
            size: size, url: Read.text(url, .line, "InputFile.url"),
            headers: Read.list(headers, n_headers, "InputFile.headers"))
    }
}
