/// This agent's version.
package enum AgentVersion {
    /// As releases are numbered.
    package static let text = "0.1.0"
}
