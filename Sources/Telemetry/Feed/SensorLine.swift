/// A line of the program that tells most about the machine.
enum SensorLine: Sendable, Hashable {
    /// A Jetson's.
    case tegrastats(TegrastatsReading)
    /// Of a machine with another NVIDIA GPU, such as a DGX Spark.
    case gpu(NvidiaSMI)

    /// The program that writes them.
    enum Source: Sendable, Hashable, CaseIterable {
        case tegrastats
        case nvidiaSMI

        /// Where it is.
        var path: String {
            switch self {
            case .tegrastats: "/usr/bin/tegrastats"
            case .nvidiaSMI: "/usr/bin/nvidia-smi"
            }
        }

        /// What it is told: a line each second.
        var arguments: [String] {
            switch self {
            case .tegrastats: ["--interval", "1000"]
            case .nvidiaSMI: NvidiaSMI.arguments + ["-l", "1"]
            }
        }

        /// The best one a machine has.
        static func find(in tree: SystemTree) -> Source? {
            allCases.first { tree.hasProgram($0.path) }
        }

        /// Reads a line.
        func read(_ line: [UInt8]) -> Result<SensorLine, FeedRefusal> {
            switch self {
            case .tegrastats:
                do throws(TegrastatsError) {
                    return .success(.tegrastats(try TegrastatsReading(parsing: line)))
                } catch {
                    return .failure(FeedRefusal(reason: error.reason))
                }
            case .nvidiaSMI:
                guard let reading = NvidiaSMI(parsing: line) else {
                    return .failure(FeedRefusal(reason: "the line tells nothing of a GPU"))
                }
                return .success(.gpu(reading))
            }
        }
    }
}
