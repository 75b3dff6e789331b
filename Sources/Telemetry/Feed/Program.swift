import Subprocess
import SystemPackage

/// A program to run.
package struct Program: Sendable, Hashable {
    /// Where it is.
    package let path: String
    /// What it is told.
    package let arguments: [String]

    /// Its name without its folder.
    package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Names a program.
    package init(path: String, arguments: [String]) {
        self.path = path
        self.arguments = arguments
    }
}

/// Runs programs; tests have another than the system's.
package protocol ProgramRunner: Sendable {
    /// Runs a program until it ends, and hands over what it writes, piece by piece.
    ///
    /// When the task is cancelled, the program is killed; it has ended when this returns. How it ended
    /// is returned in words.
    func run(_ program: Program, receive: ([UInt8]) -> Void) async throws -> String
}

/// Runs programs as children of this process.
package struct ChildRunner: ProgramRunner {
    /// Creates one.
    package init() {}

    /// Runs a child; what it writes to standard error is dropped.
    package func run(_ program: Program, receive: ([UInt8]) -> Void) async throws -> String {
        let result = try await Subprocess.run(
            .path(FilePath(program.path)), arguments: Arguments(program.arguments), input: .none,
            output: .sequence, error: .discarded
        ) { child in
            for try await piece in child.standardOutput {
                receive(unsafe piece.withUnsafeBytes { unsafe Array($0) })
            }
            // One that has closed its output is of no more use, should it still be there.
            await child.teardown(using: [])
        }
        return "\(result.terminationStatus)"
    }
}
