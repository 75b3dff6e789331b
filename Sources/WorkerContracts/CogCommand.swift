/// The command line of cog's own server.
package enum CogCommand {
    private static let option = "--upload-url"

    /// Whether these words are known to start cog's server, and say nothing yet of where files go.
    ///
    /// They are a container's whole command, its image's entrypoint included: `python -m
    /// cog.server.http`, as `cog build` makes it. Anything else is left alone: it might not start
    /// with an option that it does not know.
    package static func takesUploads(_ words: [String]) -> Bool {
        guard let module = words.firstIndex(of: "cog.server.http"), module > words.startIndex,
            words[words.index(before: module)] == "-m"
        else { return false }
        // Whoever has said where files go means it.
        return !words.contains { $0 == option || $0.hasPrefix(option + "=") }
    }

    /// The command of such a server that sends its files to an address.
    package static func sendingUploads(to url: String, _ command: [String]) -> [String] {
        command + [option, url]
    }
}
