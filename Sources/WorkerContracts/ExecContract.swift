/// The `exec` contract: run a container to its end; input is a file, outputs are files.
package enum ExecContract {
    /// The folder of all that is exchanged with the container.
    package static let folder = "/job"
    /// Where the container finds its input, as JSON.
    package static let inputPath = "/job/input.json"
    /// Every file left here is an output.
    package static let outputsPath = "/job/outputs"
}
