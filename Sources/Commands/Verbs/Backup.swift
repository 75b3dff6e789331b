import ArgumentParser

/// `jctl backup`: makes a backup of the controller's record, lists them, saves one.
struct Backup: Command {
    static let configuration = CommandConfiguration(
        abstract: "Makes a backup of all that the controller keeps, lists the backups, saves one.",
        usage: """
            jctl backup
            jctl backup ls
            jctl backup get [NAME] [--out FILE]
            """,
        discussion: """
            EXAMPLES:
              jctl backup
              jctl backup ls
              jctl backup get --out /mnt/usb/jessica.jsonl.gz       the latest

            A backup has jobs, plans, nodes, bans, the fleet and its revisions, tokens,
            webhooks and events. It has no outputs, no logs, no certificates and no
            administrator's token. `jctl restore` says how one is put back.

            The controller also makes them by itself (its settings backups.every and
            backups.keep), and deletes the oldest of those, never one that you made.
            """)

    @Argument(help: "make, ls or get.", completion: .list(["make", "ls", "get"]))
    var action: String = "make"

    @Argument(
        help: "The backup's name; the latest when left out.",
        completion: NameCompletion.of(Resource("backups")))
    var name: String?

    @Option(help: ArgumentHelp("The file to save it to.", valueName: "file"))
    var out: String?

    @OptionGroup var output: OutputOptions
    @OptionGroup var global: GlobalOptions

    func execute(_ session: Session) async throws {
        if action != "get", name != nil || out != nil {
            throw CommandError.usage("only `jctl backup get` takes a name and --out")
        }
        let backups = Backups(session: session, client: try session.client())
        let printer = Printer(session: session, options: output)
        switch action {
        case "make":
            let made = try await backups.make()
            printer.object(made.json) {
                let jobs = Humane.count(made.model.counts?.jobs ?? 0, "job")
                return [
                    "backup \(SafeText.line(made.model.name)): \(jobs), \(Humane.bytes(made.model.size))"
                ]
            }
        case "ls":
            let found = try await backups.list()
            printer.list(
                found.items.map(\.json), next: found.next, empty: "there are no backups"
            ) { Backups.table(found.items.map(\.model), now: session.context.now()) }
        case "get":
            let wanted: Fetched<BackupRecord>?
            if let name {
                wanted = try await backups.one(name)
            } else {
                wanted = try await backups.list().items.first
            }
            guard let wanted else {
                throw CommandError(
                    .notFound, "there are no backups", hint: "`jctl backup` makes one")
            }
            let path = try await backups.save(wanted.model, to: out)
            printer.object(wanted.json.with("path", .string(path))) { [SafeText.line(path)] }
        default:
            throw CommandError.usage(
                "unknown action '\(action)'",
                hint: DidYouMean.hint(action, among: ["make", "ls", "get"]) ?? "make, ls or get")
        }
    }
}
