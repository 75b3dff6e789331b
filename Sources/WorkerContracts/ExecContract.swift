/// The `exec` contract: run a container to its end; input is a file, outputs are files.
package enum ExecContract {
    /// Where the container finds its input, as JSON.
    package static let inputPath = "/job/input.json"
    /// Every file left here is an output.
    package static let outputsPath = "/job/outputs"

    package enum Outcome: Sendable, Equatable {
        case succeeded
        /// Why, in a sentence a person understands, and whether the same thing might work on
        /// another try.
        case failed(code: String, message: String, retryable: Bool)
    }

    /// What an exit code means.
    ///
    /// `outOfMemory` is Docker's `OOMKilled`, `memoryLimit` as text ("18 GB").
    package static func outcome(
        exitCode: Int, outOfMemory: Bool, memoryLimit: String? = nil
    ) -> Outcome {
        // Docker sets the flag when any process of the container was killed, even if the main one
        // coped.
        if exitCode == 0 { return .succeeded }
        if outOfMemory {
            let limit = memoryLimit.map { " (its limit is \($0))" } ?? ""
            return failed(
                "out_of_memory", "The container ran out of memory\(limit).", retryable: false)
        }
        switch exitCode {
        case 125:
            return failed("container_error", "Docker could not run the container.", retryable: true)
        case 126:
            return failed(
                "command_not_executable", "The container's command exists but cannot be run.",
                retryable: false)
        case 127:
            return failed(
                "command_not_found", "The container's command was not found in its image.",
                retryable: false)
        case 129...192: return signalled(exitCode - 128)
        default:
            return failed(
                "exit_code", "The container exited with code \(exitCode).", retryable: true)
        }
    }

    private static func signalled(_ signal: Int) -> Outcome {
        switch signal {
        case 2: return failed("interrupted", "The container was interrupted.", retryable: true)
        case 4:
            return failed(
                "illegal_instruction",
                "The container crashed on an instruction this machine does not have.",
                retryable: false)
        case 6: return failed("aborted", "The container's program aborted itself.", retryable: true)
        case 7: return failed("bus_error", "The container crashed (bus error).", retryable: true)
        case 8:
            return failed(
                "arithmetic_error", "The container crashed (arithmetic error).", retryable: true)
        case 9: return failed("killed", "The container was killed.", retryable: true)
        case 11:
            return failed(
                "segfault", "The container crashed (segmentation fault).", retryable: true)
        case 15: return failed("terminated", "The container was told to stop.", retryable: true)
        default:
            return failed("signal", "The container was ended by signal \(signal).", retryable: true)
        }
    }

    private static func failed(_ code: String, _ message: String, retryable: Bool) -> Outcome {
        .failed(code: code, message: message, retryable: retryable)
    }
}
