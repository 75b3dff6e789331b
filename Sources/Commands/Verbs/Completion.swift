import ArgumentParser

/// `jctl completion`: the script that teaches a shell jctl's words.
struct Completion: Command {
    static let configuration = CommandConfiguration(
        abstract: "Prints the script that completes commands, options and names.",
        usage: "jctl completion bash|zsh|fish",
        discussion: """
            EXAMPLES:
              jctl completion bash > ~/.local/share/bash-completion/completions/jctl
              jctl completion zsh > ~/.zfunc/_jctl      # a folder in $fpath
              jctl completion fish > ~/.config/fish/completions/jctl.fish

            Names of nodes, jobs, clusters and the rest come from the controller.
            """)

    @Argument(help: "bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"]))
    var shell: String

    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        guard let shell = CompletionShell(rawValue: shell.lowercased()) else {
            throw CommandError.usage("there is no script for '\(shell)'", hint: "bash, zsh or fish")
        }
        session.out(Jctl.completionScript(for: shell))
    }
}
