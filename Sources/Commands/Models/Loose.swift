/// A value whose type may change from one controller to the next: read as what is there.
struct Loose: Decodable, Sendable, Equatable {
    /// The value as text, nil for null, lists and objects without a telling field.
    let text: String?
    /// The value as a number, if it is one.
    let number: Double?

    init(from decoder: any Decoder) throws {
        if let keyed = try? decoder.container(keyedBy: Key.self) {
            let inner = try? keyed.decode(Loose.self, forKey: Key("text"))
            let share = try? keyed.decode(Double.self, forKey: Key("fraction"))
            number = share
            text = [inner?.text, share.map { Humane.whole($0 * 100, "%") }].compactMap { $0 }.first
            return
        }
        let single = try? decoder.singleValueContainer()
        if let value = try? single?.decode(Bool.self) {
            text = value ? "true" : "false"
            number = nil
        } else if let value = try? single?.decode(Double.self) {
            number = value
            text = value == value.rounded() && abs(value) < 1e15 ? "\(Int(value))" : "\(value)"
        } else {
            text = try? single?.decode(String.self)
            number = nil
        }
    }

    private struct Key: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(_ name: String) { stringValue = name }
        init?(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
