/// The power mode of a Jetson, read from the files of nvpmodel: the program itself would need root.
enum PowerMode {
    /// Such as `MAXN` or `MODE_30W`; the mode's number when it has no name; nil elsewhere.
    static func read(_ tree: SystemTree) -> String? {
        guard let status = tree.line("/var/lib/nvpmodel/status"),
            let number = number(status)
        else { return nil }
        let models = tree.text("/etc/nvpmodel.conf") ?? ""
        return name(of: number, in: models) ?? String(number)
    }

    /// The number in `pmode:0002`, behind which the fan's mode may stand.
    private static func number(_ status: String) -> UInt16? {
        guard status.hasPrefix("pmode:") else { return nil }
        return UInt16(status.dropFirst(6).prefix { $0.isASCII && $0.isNumber })
    }

    /// The name in `< POWER_MODEL ID=2 NAME=MODE_30W >`.
    private static func name(of number: UInt16, in models: String) -> String? {
        for line in models.split(separator: "\n") {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.contains("POWER_MODEL"), words.contains("ID=\(number)"),
                let name = words.first(where: { $0.hasPrefix("NAME=") })
            else { continue }
            return String(name.dropFirst(5))
        }
        return nil
    }
}
