extension ContainerSpec {
    /// The body of the create request.
    func json() throws(DockerError) -> JSONValue {
        var body: [String: JSONValue] = [
            "Image": .string(image),
            "Labels": .map(labels),
            "Env": .list(env.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }),
            "HostConfig": .object(try hostConfig()),
        ]
        if let command { body["Cmd"] = .list(command) }
        // The API takes [""] for "none"; an empty list means the image's.
        if let entrypoint { body["Entrypoint"] = .list(entrypoint.isEmpty ? [""] : entrypoint) }
        if let user { body["User"] = .string(user) }
        if let workingDir { body["WorkingDir"] = .string(workingDir) }
        if let stopTimeout { body["StopTimeout"] = .int(Int64(stopTimeout)) }
        if let networkName, !networkAliases.isEmpty {
            body["NetworkingConfig"] = .object([
                "EndpointsConfig": .object([
                    networkName: .object(["Aliases": .list(networkAliases)])
                ])
            ])
        }
        return .object(body)
    }

    private func hostConfig() throws(DockerError) -> [String: JSONValue] {
        guard logMaxSize > 0, logMaxFiles > 0, pidsLimit >= 0 else {
            throw DockerError(.invalidArgument, "a limit of the container is not positive")
        }
        var host: [String: JSONValue] = [
            "RestartPolicy": .object(["Name": .string("no")]),
            "Init": .bool(initProcess),
            "ReadonlyRootfs": .bool(readOnlyRootfs),
            "Mounts": .array(mounts.map(\.json) + tmpfs.map(\.json) + volumes.map(\.json)),
            "Devices": .array(devices.map(\.json)),
            "LogConfig": .object([
                "Type": .string("json-file"),
                "Config": .map(["max-size": "\(logMaxSize)", "max-file": "\(logMaxFiles)"]),
            ]),
        ]
        if let memoryLimit {
            host["Memory"] = .int(memoryLimit)
            // Equal to Memory: no swap on top of it.
            host["MemorySwap"] = .int(maySwap ? -1 : memoryLimit)
        }
        if pidsLimit > 0 { host["PidsLimit"] = .int(pidsLimit) }
        if let shmSize { host["ShmSize"] = .int(shmSize) }
        if capDropAll { host["CapDrop"] = .list(["ALL"]) }
        if noNewPrivileges { host["SecurityOpt"] = .list(["no-new-privileges:true"]) }
        if !groups.isEmpty { host["GroupAdd"] = .list(groups) }
        if !ulimits.isEmpty {
            host["Ulimits"] = .array(
                ulimits.sorted { $0.key < $1.key }.map {
                    .object([
                        "Name": .string($0.key), "Soft": .int($0.value), "Hard": .int($0.value),
                    ])
                })
        }
        if !cdiDevices.isEmpty {
            // Count and Options must be absent.
            host["DeviceRequests"] = .array([
                .object(["Driver": .string("cdi"), "DeviceIDs": .list(cdiDevices)])
            ])
        }
        if let runtime { host["Runtime"] = .string(runtime) }
        if let networkName { host["NetworkMode"] = .string(networkName) }
        return host
    }
}

extension ContainerSpec.Mount {
    /// A mount, not a bind: for a bind the daemon makes a missing source as root.
    fileprivate var json: JSONValue {
        .object([
            "Type": .string("bind"), "Source": .string(source), "Target": .string(target),
            "ReadOnly": .bool(readOnly),
        ])
    }
}

extension ContainerSpec.Tmpfs {
    fileprivate var json: JSONValue {
        var options: [String: JSONValue] = ["Mode": .int(Int64(mode))]
        if let sizeBytes { options["SizeBytes"] = .int(sizeBytes) }
        return .object([
            "Type": .string("tmpfs"), "Target": .string(target),
            "TmpfsOptions": .object(options),
        ])
    }
}

extension ContainerSpec.Volume {
    /// Without a source it has no name of its own, and goes with the container.
    fileprivate var json: JSONValue {
        .object([
            "Type": .string("volume"), "Target": .string(target),
            "VolumeOptions": .object(["Labels": .map(labels)]),
        ])
    }
}

extension ContainerSpec.Device {
    fileprivate var json: JSONValue {
        .object([
            "PathOnHost": .string(pathOnHost), "PathInContainer": .string(pathInContainer),
            "CgroupPermissions": .string(permissions),
        ])
    }
}
