/// The body of every answer that is no success.
struct ServerFailure: Decodable, Sendable {
    var error: Body

    /// What went wrong.
    struct Body: Decodable, Sendable {
        var code: String?
        var message: String?
        var details: [Loose]?
        var requestId: String?
    }
}
