import HTTPTypes
import Hummingbird

/// Answers of a path that is known to a method that it does not have: 405, and which ones there are.
enum WrongMethods {
    private static let all: [HTTPRequest.Method] =
        [
            .get, .head, .post, .put, .patch, .delete, .options, .trace, .connect,
        ] + ["QUERY", "LINK", "UNLINK"].compactMap { HTTPRequest.Method($0) }

    /// Adds them to a router that has all its routes.
    static func add<Context: RequestContext>(to router: Router<Context>) {
        var methods: [String: (path: RouterPath, methods: Set<HTTPRequest.Method>)] = [:]
        for route in router.routes {
            methods[route.path.description, default: (route.path, [])].methods.insert(route.method)
        }
        for (path, known) in methods.values {
            var allowed = known
            // The router answers HEAD wherever there is GET.
            if allowed.contains(.get) { allowed.insert(.head) }
            let names = allowed.map(\.rawValue).sorted().joined(separator: ", ")
            for method in all where !allowed.contains(method) {
                router.on(path, method: method) { request, _ -> Response in
                    throw APIError(
                        .methodNotAllowed, "method_not_allowed",
                        "\(request.uri.path) takes \(names), not \(method)",
                        headers: [.allow: names])
                }
            }
        }
    }
}
