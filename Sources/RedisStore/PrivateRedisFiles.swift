import Foundation

/// The files a private server needs.
enum PrivateRedisFiles {
    /// Makes the directory, for this user only, and checks that the socket's path fits.
    static func prepare(_ configuration: PrivateRedisConfiguration) throws(RedisStoreError) {
        let bytes = configuration.socketPath.utf8.count
        guard bytes <= PrivateRedisConfiguration.socketPathBytes else {
            throw RedisStoreError(
                .server,
                "\(configuration.socketPath) is too long for a unix socket "
                    + "(\(bytes) bytes, at most \(PrivateRedisConfiguration.socketPathBytes)): "
                    + "choose a shorter state directory"
            )
        }
        let files = FileManager.default
        do {
            try files.createDirectory(
                atPath: configuration.directory, withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
            try files.setAttributes(
                [.posixPermissions: 0o700], ofItemAtPath: configuration.directory)
        } catch {
            throw RedisStoreError(
                .server, "cannot use \(configuration.directory): \(reason(error))")
        }
    }

    /// Writes the configuration file, and puts a large log aside.
    static func writeConfig(_ configuration: PrivateRedisConfiguration) throws(RedisStoreError) {
        let files = FileManager.default
        do {
            try Data(configuration.configText.utf8).write(
                to: URL(fileURLWithPath: configuration.configPath), options: .atomic)
            try files.setAttributes(
                [.posixPermissions: 0o600], ofItemAtPath: configuration.configPath)
        } catch {
            throw RedisStoreError(
                .server, "cannot write \(configuration.configPath): \(reason(error))")
        }
        let size =
            (try? files.attributesOfItem(atPath: configuration.logPath)[.size] as? NSNumber)?
            .intValue
        if let size, size > PrivateRedisConfiguration.logBytes {
            let old = configuration.logPath + ".1"
            try? files.removeItem(atPath: old)
            try? files.moveItem(atPath: configuration.logPath, toPath: old)
        }
    }

    /// Whether the disk has less than 4 MiB left.
    static func isDiskFull(_ configuration: PrivateRedisConfiguration) -> Bool {
        let values = try? FileManager.default.attributesOfFileSystem(
            forPath: configuration.directory)
        guard let free = values?[.systemFreeSize] as? NSNumber else { return false }
        return free.uint64Value < 4 << 20
    }

    private static func reason(_ error: any Error) -> String {
        let error = error as NSError
        if let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError,
            cause.domain == NSPOSIXErrorDomain
        {
            return errnoText(CInt(truncatingIfNeeded: cause.code))
        }
        return error.localizedDescription
    }
}
