extension FleetSpec {
    /// The full name of an image: a short one lives in the fleet's registry.
    package func fullName(of image: String) -> String {
        registry.isEmpty || ImageName(image).host != nil ? image : "\(registry)/\(image)"
    }

    /// Where the fleet's own registry has an image; nil for one from elsewhere, and for one whose
    /// name says by a digest what it is.
    package func place(of image: String) -> ImageName? {
        let name = ImageName(fullName(of: image))
        return name.host == registry && name.digest == nil ? name : nil
    }

    /// The images of its services and templates, as written.
    package var images: Set<String> {
        Set(services.map(\.worker.image)).union(templates.map(\.worker.image))
    }

    /// What those images were found to be; those of which it is not known are left out.
    package var imageDigests: [String: String] {
        var found: [String: String] = [:]
        for worker in services.map(\.worker) + templates.map(\.worker) {
            if let digest = worker.imageDigest { found[worker.image] = digest }
        }
        return found
    }

    /// The same fleet with its images pinned to what they were found to be.
    package func pinned(to digests: [String: String]) -> FleetSpec {
        var fleet = self
        for place in fleet.services.indices {
            fleet.services[place].worker.imageDigest = digests[services[place].worker.image]
        }
        for place in fleet.templates.indices {
            fleet.templates[place].worker.imageDigest = digests[templates[place].worker.image]
        }
        return fleet
    }
}
