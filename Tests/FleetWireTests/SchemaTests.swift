import Foundation
import Testing

extension WireSuite {
    /// The rules of `Protos/fleet.proto` on which the safety of the C decoder rests.
    @Suite struct SchemaTests {
        struct Field {
            var type: String
            var isRepeated: Bool
            var isInOneof: Bool
            var line: String
        }

        /// The fields of each message, in the order of the file.
        static func messages() throws -> [(name: String, fields: [Field])] {
            let file = URL(filePath: #filePath).deletingLastPathComponent()
                .appending(path: "../../Protos/fleet.proto").standardizedFileURL
            var messages: [(name: String, fields: [Field])] = []
            var blocks: [Substring] = []
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                let words = line.prefix { $0 != ";" }.split(separator: " ")
                if line.contains("//") || words.isEmpty { continue }
                if words.last == "{" {
                    blocks.append(words[0])
                    if words[0] == "message" { messages.append((String(words[1]), [])) }
                } else if words == ["}"] {
                    _ = blocks.popLast()
                } else if blocks.first == "message", !messages.isEmpty {
                    let isRepeated = words[0] == "repeated"
                    messages[messages.count - 1].fields.append(
                        Field(
                            type: String(words[isRepeated ? 1 : 0]), isRepeated: isRepeated,
                            isInOneof: blocks.last == "oneof", line: String(line)))
                }
            }
            return messages
        }

        @Test func `no message contains itself`() throws {
            let messages = try Self.messages()
            #expect(messages.count == 41)
            // Only what contains nothing that is still open can be closed; a circle stays open.
            var open = messages
            while let leaf = open.firstIndex(where: { message in
                !message.fields.contains { field in open.contains { $0.name == field.type } }
            }) { open.remove(at: leaf) }
            #expect(open.map(\.name) == [])
        }

        @Test func `a message with a oneof is never merged`() throws {
            let messages = try Self.messages()
            let unions = messages.filter { $0.fields.contains(where: \.isInOneof) }.map(\.name)
            #expect(unions.count == 4)
            for message in messages {
                for field in message.fields where unions.contains(field.type) {
                    #expect(field.isRepeated || field.isInOneof, "\(message.name): \(field.line)")
                }
            }
        }

        @Test func `every text keeps its length`() throws {
            var texts = 0
            for message in try Self.messages() {
                for field in message.fields where field.type == "string" {
                    #expect(field.line.contains("string_as_bytes = true"), "\(field.line)")
                    texts += 1
                }
            }
            #expect(texts > 20)
        }
    }
}
