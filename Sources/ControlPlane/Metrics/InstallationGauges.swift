import FleetCore
import Foundation
import Settings

extension APIServer {
    /// What comes to its end, fills up or waits for somebody while the fleet itself is well.
    func writeInstallation(to text: inout MetricsText) {
        text.gauge(
            "jessica_certificate_expiry_timestamp_seconds",
            "When the certificates of the authority and of the controller end.",
            [
                (["certificate": "authority"], installation.authorityEnds.timeIntervalSince1970),
                (["certificate": "controller"], installation.certificateEnds.timeIntervalSince1970),
            ])
        let disk = try? DiskSpace(under: installation.folder)
        text.gauge(
            "jessica_state_disk_bytes",
            "The disk under the state folder; absent when it cannot be looked at.",
            disk.map {
                [(["kind": "free"], Double($0.free)), (["kind": "total"], Double($0.total))]
            } ?? [])
        text.gauge(
            "jessica_backup_last_success_timestamp_seconds",
            "The moment that the latest backup shows; absent when none is known of.",
            backups.latest.map { [([:], $0)] } ?? [])
        let waiting = enrolment.room.guests(at: loop.clock.now).count
        text.gauge(
            "jessica_enrolments_waiting", "Agents that wait to be admitted.",
            [([:], Double(waiting))])
    }
}
