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

        /// The ones of a machine that tell something the others do not, the best first.
        ///
        /// On a Jetson with tegrastats nvidia-smi knows nothing, but for the GPU's use on a Thor: there
        /// tegrastats tells it to root alone, and the kernel has no file with it.
        static func find(in tree: SystemTree) -> [Source] {
            let here = allCases.filter { tree.hasProgram($0.path) }
            let isThor = tree.names("/sys/class/devfreq").contains("gpu-gpc-0")
            return isThor ? here : Array(here.prefix(1))
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
