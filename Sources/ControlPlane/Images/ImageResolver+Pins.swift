import FleetCore

/// What is accepted is pinned first to what its images are.
extension ImageResolver {
    /// Jobs with the digests of their images.
    func pinned(
        _ jobs: [PlanRequest.Member], in fleet: FleetSpec
    ) async -> [PlanRequest.Member] {
        let found = await digests(of: Set(jobs.compactMap(\.request.image)), in: fleet)
        if found.isEmpty { return jobs }
        return jobs.map { job in
            var job = job
            guard let image = job.request.image, let digest = found[image] else { return job }
            job.request.imageDigest = digest
            // A full name says itself where the image is, whatever the fleet's registry is by then.
            if ImageName(image).host == nil { job.request.imageRegistry = fleet.registry }
            return job
        }
    }

    /// A fleet that somebody applies; where the registry does not tell what an image is, it stays what
    /// it is in the fleet in force.
    ///
    /// With `onlyNew` those of the fleet in force are not looked up: a restart, which reads the fleet's
    /// file again, must not bring others.
    func pinned(
        _ fleet: FleetSpec, over inForce: FleetSpec, onlyNew: Bool = false
    ) async -> FleetSpec {
        // A name means something else in another registry.
        let isSame = fleet.registry == inForce.registry
        let asked = onlyNew && isSame ? fleet.images.subtracting(inForce.images) : fleet.images
        let found = await digests(of: asked, in: fleet)
        let known = isSame ? inForce.imageDigests : [:]
        return fleet.pinned(to: known.merging(found) { $1 })
    }

    /// What a roamer shall become, with the digest of its image.
    func pinned(_ what: AssignmentRequest, in fleet: FleetSpec) async -> AssignmentRequest {
        guard case .image(let image, digest: _) = what.target else { return what }
        var what = what
        what.target = .image(image, digest: await digests(of: [image], in: fleet)[image])
        return what
    }
}
