/// Sorts a failed pull into the codes a caller acts on.
///
/// The engine passes on the registry's words without a code, and the same failure comes as an
/// HTTP status or inside the stream depending on when it happened. So the text has to decide.
enum PullFailure {
    /// Checked in this order: the first matching text decides.
    private static let rules: [(text: String, code: DockerError.Code)] = [
        ("no space left on device", .noSpace),
        ("disk quota exceeded", .noSpace),
        // "… repository does not exist or may require 'docker login': denied: …"
        ("repository does not exist", .imageNotFound),
        ("no basic auth credentials", .unauthorized),
        ("unauthorized", .unauthorized),
        ("authentication required", .unauthorized),
        ("denied", .unauthorized),
        ("401 ", .unauthorized),
        ("403 forbidden", .unauthorized),
        ("manifest unknown", .imageNotFound),
        ("name unknown", .imageNotFound),
        ("connection refused", .registryUnreachable),
        ("connection reset", .registryUnreachable),
        ("no such host", .registryUnreachable),
        ("server misbehaving", .registryUnreachable),
        ("no route to host", .registryUnreachable),
        ("network is unreachable", .registryUnreachable),
        ("timeout", .registryUnreachable),
        ("context deadline exceeded", .registryUnreachable),
        ("dial tcp", .registryUnreachable),
        ("x509:", .registryUnreachable),
        ("tls:", .registryUnreachable),
        ("server gave http response to https client", .registryUnreachable),
        ("unexpected http status: 5", .registryUnreachable),
        ("unexpected eof", .registryUnreachable),
        (": eof", .registryUnreachable),
        // The image is not there for this machine.
        ("no matching manifest", .imageNotFound),
        ("manifest for ", .imageNotFound),
        ("no such image", .imageNotFound),
        ("not found", .imageNotFound),
    ]

    static func classify(message: String, status: Int?) -> DockerError {
        let text = message.lowercased()
        if status == 400 { return DockerError(.invalidArgument, message, status: status) }
        if let rule = rules.first(where: { text.contains($0.text) }) {
            return DockerError(rule.code, message, status: status)
        }
        let code: DockerError.Code =
            switch status {
            case 401, 403: .unauthorized
            case 404: .imageNotFound
            default: .other
            }
        return DockerError(code, message, status: status)
    }

    /// Classifies an error status; failures that are not the daemon's answer stay as they are.
    static func classify(_ error: DockerError) -> DockerError {
        guard let status = error.status, error.code != .unsupportedVersion else { return error }
        return classify(message: error.message, status: status)
    }
}
