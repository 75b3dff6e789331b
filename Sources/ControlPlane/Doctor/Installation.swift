package import FleetCore
package import Foundation

/// Where a controller is installed, where its outputs go, and until when what it was given is good.
package struct Installation: Sendable {
    /// Its state folder.
    let folder: String
    /// When the fleet's authority ends: every certificate with it.
    let authorityEnds: Date
    /// When the certificate ends that the controller itself shows just now.
    var certificateEnds: Date { ends() }
    private let ends: @Sendable () -> Date
    /// Where outputs go since the start; nil for the state folder.
    let storage: StorageSpec?

    /// Notes an installation; `certificateEnds` is evaluated each time somebody asks.
    package init(
        folder: String, authorityEnds: Date,
        certificateEnds: @autoclosure @escaping @Sendable () -> Date, storage: StorageSpec? = nil
    ) {
        self.folder = folder
        self.authorityEnds = authorityEnds
        ends = certificateEnds
        self.storage = storage
    }

    /// Why a fleet's storage is not the one in use; nil when it is.
    func mismatch(_ wanted: StorageSpec?) -> String? {
        guard wanted != storage else { return nil }
        func text(_ storage: StorageSpec?) -> String {
            storage.map { "bucket \($0.bucket) at \($0.endpoint)" }
                ?? "the controller's state folder"
        }
        return "outputs go to \(text(storage)), and cluster.yaml names \(text(wanted))"
    }

    /// What to do about that.
    static let takeStorage =
        "restart the controller to use it, with its keys in controller.yaml; "
        + "what is stored already stays where it is"
}
