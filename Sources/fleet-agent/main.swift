import FoundationEssentials
import Glibc
import NodeAgent

let code = await AgentProgram.main(
    Array(CommandLine.arguments.dropFirst()), environment: ProcessInfo.processInfo.environment)
exit(code)
