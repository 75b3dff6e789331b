package import Foundation

/// Where a controller is installed, and until when what it was given is good.
package struct Installation: Sendable {
    /// Its state folder.
    let folder: String
    /// When the fleet's authority ends: every certificate with it.
    let authorityEnds: Date
    /// When the certificate of the controller itself ends; each start makes a new one.
    let certificateEnds: Date

    /// Notes an installation.
    package init(folder: String, authorityEnds: Date, certificateEnds: Date) {
        self.folder = folder
        self.authorityEnds = authorityEnds
        self.certificateEnds = certificateEnds
    }
}
