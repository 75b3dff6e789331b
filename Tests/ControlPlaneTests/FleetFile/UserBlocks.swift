import Foundation

/// The YAML blocks of the user's design document, word for word; the end-to-end tests read them too.
enum UserBlocks {
    /// The Spark's own services.
    static let spark = read("spark")
    /// The services of the seven clusters.
    static let services = read("services")
    /// What roamers can become.
    static let templates = read("templates")
    /// The Docker networks.
    static let networks = read("networks")

    static let all = [spark, services, templates, networks]

    /// Empty when the file is missing, which every test of the blocks finds.
    private static func read(_ name: String) -> String {
        let file = URL(filePath: #filePath).deletingLastPathComponent()
            .appending(path: "../../EndToEnd/user/\(name).yaml")
        return (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    }
}
