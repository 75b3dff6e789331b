import FleetCore

/// Where a reader of all past jobs is, while jobs end, are moved into pieces, are tried again and go.
///
/// First come the jobs that are in no piece, then those of the pieces, both in the order of their ids: what is moved
/// in between has been read. The pieces whose letters begin alike are read together, as a job may be in any of them.
struct PastPages {
    /// How far a reader is.
    struct Reached {
        fileprivate var isInPieces = false
        /// The last id of the last page; nil before the first.
        fileprivate var last: JobID?
    }

    /// How far it is.
    private(set) var reached = Reached()
    private let limit: Int
    /// The jobs that were in no piece at first.
    private let early: Set<JobID>
    /// What was found and is still to be read, in order.
    private var found: ArraySlice<JobID>
    /// Pieces whose letters begin alike, in order.
    private var groups: ArraySlice<[FleetStore.Piece]>

    fileprivate init(early: [JobID], pieces: [FleetStore.Piece], limit: Int) {
        self.limit = limit
        self.early = Set(early)
        found = early.sorted()[...]
        var groups: [[FleetStore.Piece]] = []
        var before: Substring?
        for piece in pieces.sorted(by: { $0.letters < $1.letters }) {
            let first = piece.letters.prefix(PastScript.shortest)
            if first == before {
                groups[groups.endIndex - 1].append(piece)
            } else {
                groups.append([piece])
            }
            before = first
        }
        self.groups = groups[...]
    }

    /// Whether a past job was in a page up to a place.
    func hadRead(_ id: JobID, at place: Reached) -> Bool {
        switch (early.contains(id), place.isInPieces) {
        case (true, true): true
        case (false, false): false
        case (true, false), (false, true): place.last.map { id <= $0 } ?? false
        }
    }

    /// The next ids of what was found; none when there is no more of it.
    fileprivate mutating func take() -> [JobID] {
        let page = Array(found.prefix(limit))
        found = found.dropFirst(page.count)
        if let last = page.last { reached.last = last }
        return page
    }

    /// The next pieces to look into; nil when there are no more.
    fileprivate mutating func nextGroup() -> [FleetStore.Piece]? {
        guard let group = groups.popFirst() else { return nil }
        if !reached.isInPieces { reached = Reached(isInPieces: true) }
        return group
    }

    /// Goes on with what was in some pieces.
    fileprivate mutating func find(_ jobs: [FleetStore.PastJob]) {
        // One may have been moved from piece to piece between two looks.
        found = Set(jobs.map(\.id)).subtracting(early).sorted()[...]
    }
}

extension FleetStore {
    /// The beginning of all past jobs there are.
    func pastPages(limit: Int) async throws(RedisStoreError) -> PastPages {
        // Of the ids in no piece all are held.
        while try await foldEnded() == Self.keepingChunk {}
        // In this order, so that what is moved meanwhile is in one of the two.
        let early = try await unfolded(since: .min)
        return PastPages(
            early: early.map(\.id), pieces: try await pieces(since: .min), limit: limit)
    }

    /// The next past jobs; nil when there are no more.
    func nextPage(_ pages: inout PastPages) async throws(RedisStoreError) -> [JobID]? {
        while true {
            let page = pages.take()
            if !page.isEmpty { return page }
            guard let group = pages.nextGroup() else { return nil }
            pages.find(try await jobs(in: group))
        }
    }
}
