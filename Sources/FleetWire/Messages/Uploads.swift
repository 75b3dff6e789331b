import CFleetMessages
import CProtobufC
import FleetCore

// Questions about where to put outputs, and the answers.

extension Jessica__V1__UploadRequest: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__upload_request__init(memory)
    }

    mutating func fill(
        _ value: (id: UInt64, request: UploadRequest), _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe id = value.id
        unsafe key = try arena.make(value.request.key, "UploadRequest.key")
        unsafe kind = value.request.kind.wire
        unsafe name = try arena.text(value.request.name, .component, "UploadRequest.name")
        unsafe content_type = try arena.text(
            value.request.contentType, .mediaType, "UploadRequest.contentType")
        unsafe size = value.request.size
    }

    func decoded() throws(WireError) -> (id: UInt64, request: UploadRequest) {
        let request = try unsafe UploadRequest(
            key: Read.required(key, "UploadRequest.key"),
            kind: JobKind(wire: kind, "UploadRequest.kind"),
            name: Read.text(name, .component, "UploadRequest.name"),
            contentType: Read.text(content_type, .mediaType, "UploadRequest.contentType"),
            size: size)
        return (unsafe id, request)
    }
}

extension Jessica__V1__UploadGrant: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__upload_grant__init(memory)
    }

    mutating func fill(
        _ value: (id: UInt64, grant: UploadGrant), _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe id = value.id
        unsafe refusal = try arena.text(value.grant.refusal, .words, "UploadGrant.refusal")
        unsafe url = try arena.text(value.grant.url, .line, "UploadGrant.url")
        unsafe n_headers = value.grant.headers.count
        unsafe headers = try arena.makeList(value.grant.headers, "UploadGrant.headers")
        unsafe object_key = try arena.text(
            value.grant.objectKey, .objectKeyOrNone, "UploadGrant.objectKey")
    }

    func decoded() throws(WireError) -> (id: UInt64, grant: UploadGrant) {
        let grant = try unsafe UploadGrant(
            url: Read.text(url, .line, "UploadGrant.url"),
            headers: Read.list(headers, n_headers, "UploadGrant.headers"),
            objectKey: Read.text(object_key, .objectKeyOrNone, "UploadGrant.objectKey"),
            refusal: Read.text(refusal, .words, "UploadGrant.refusal"))
        return (unsafe id, grant)
    }
}

extension Jessica__V1__Header: WireStruct {
    static func initialize(_ memory: UnsafeMutablePointer<Self>) {
        unsafe jessica__v1__header__init(memory)
    }

    mutating func fill(
        _ value: UploadGrant.Header, _ arena: borrowing Arena
    ) throws(WireError) {
        unsafe name = try arena.text(value.name, .headerName, "Header.name")
        unsafe self.value = try arena.text(value.value, .line, "Header.value")
    }

    func decoded() throws(WireError) -> UploadGrant.Header {
        try unsafe UploadGrant.Header(
            name: Read.text(name, .headerName, "Header.name"),
            value: Read.text(value, .line, "Header.value"))
    }
}
