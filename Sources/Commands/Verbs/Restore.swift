import ArgumentParser
import Foundation

/// `jctl restore`: says how a backup is put back.
///
/// The record is replaced while no controller runs, so there is nobody jctl could ask to do it.
struct Restore: Command {
    static let configuration = CommandConfiguration(
        abstract: "Shows the commands that put a backup back, on the controller's machine.",
        usage: "jctl restore FILE|NAME",
        discussion: """
            EXAMPLES:
              jctl restore /mnt/usb/jessica.jsonl.gz
              jctl restore 2026-11-29T12-00-00.000Z      as `jctl backup ls` shows it

            The record is replaced while the controller is down, so jctl changes nothing.
            The archive is checked to its end before anything is written.
            """)

    @Argument(help: "An archive that `jctl backup get` saved, or a backup's name.")
    var from: String

    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        let source: String
        if FileManager.default.fileExists(atPath: from) {
            let start = try? FileHandle(forReadingAtPath: from)?.read(upToCount: 2)
            guard start == Data([0x1F, 0x8B]) else {
                throw CommandError(
                    .failed, "\(from) is no backup", why: "it is no gzip file",
                    hint: "`jctl backup get` saves one")
            }
            source = URL(fileURLWithPath: from).path
        } else {
            let backups = Backups(session: session, client: try session.client())
            let found = try await backups.one(from).model
            guard found.state == "done" else {
                throw CommandError(.failed, "backup \(from) is \(found.state)", why: found.reason)
            }
            source = found.name
        }
        session.note("on the controller's machine:")
        session.out(
            [
                "sudo systemctl stop spark-controller",
                "sudo -u jessica spark-controller restore --force --from \(Self.quoted(source))",
                "sudo systemctl start spark-controller",
            ].map { SafeText.line($0) })
        session.note(
            "--force replaces the record that is there; what was accepted since the backup is lost with it"
        )
    }

    /// As a shell takes it for one word.
    static func quoted(_ text: String) -> String {
        let plain = text.utf8.allSatisfy {
            (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                || [0x2D, 0x2E, 0x2F, 0x5F].contains($0)
        }
        return plain ? text : "'" + text.replacing("'", with: "'\\''") + "'"
    }
}
