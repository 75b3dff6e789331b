/// Where everything is in the desired fleet, so that nothing is searched for in a step.
///
/// Made anew with each applied fleet.
struct FleetIndex: Sendable {
    /// A dedicated node's place.
    struct Place: Hashable, Sendable {
        /// The cluster, by its place in the fleet.
        let cluster: Int
        /// The node, by its place in the cluster.
        let node: Int
    }

    private let clusters: [ClusterName: Int]
    private let kinds: [JobKind: Int]
    private let services: [ServiceName: Int]
    private let templates: [TemplateName: Int]
    private let helping: [TemplateName: Int]
    private let places: [NodeName: Place]
    private let roamers: [NodeName: Int]

    init(_ fleet: FleetSpec) {
        func first<Key: Hashable>(_ keys: some Sequence<Key>) -> [Key: Int] {
            var index: [Key: Int] = [:]
            for (place, key) in keys.enumerated() where index[key] == nil { index[key] = place }
            return index
        }
        clusters = first(fleet.clusters.map(\.name))
        services = first(fleet.services.map(\.name))
        templates = first(fleet.templates.map(\.name))
        roamers = first(fleet.roamers)
        var kinds: [JobKind: Int] = [:]
        var helping: [TemplateName: Int] = [:]
        var places: [NodeName: Place] = [:]
        for (place, cluster) in fleet.clusters.enumerated() {
            for kind in cluster.kinds where kinds[kind] == nil { kinds[kind] = place }
            if let template = cluster.template, helping[template] == nil {
                helping[template] = place
            }
            for (node, name) in cluster.nodes.enumerated() where places[name] == nil {
                places[name] = Place(cluster: place, node: node)
            }
        }
        self.kinds = kinds
        self.helping = helping
        self.places = places
    }

    func place(of name: ClusterName) -> Int? { clusters[name] }
    func place(serving kind: JobKind) -> Int? { kinds[kind] }
    func place(helpedBy name: TemplateName) -> Int? { helping[name] }
    func place(of name: ServiceName) -> Int? { services[name] }
    func place(of name: TemplateName) -> Int? { templates[name] }
    func place(of name: NodeName) -> Place? { places[name] }
    func roamerPlace(of name: NodeName) -> Int? { roamers[name] }
}

extension Controller {
    /// The cluster of that name.
    func cluster(_ name: ClusterName) -> ClusterSpec? {
        index.place(of: name).map { fleet.clusters[$0] }
    }
    /// The first cluster that serves `kind`.
    func cluster(serving kind: JobKind) -> ClusterSpec? {
        index.place(serving: kind).map { fleet.clusters[$0] }
    }
    /// The service of that name.
    func service(_ name: ServiceName) -> ServiceSpec? {
        index.place(of: name).map { fleet.services[$0] }
    }
    /// The template of that name.
    func template(_ name: TemplateName) -> TemplateSpec? {
        index.place(of: name).map { fleet.templates[$0] }
    }
    /// The cluster a node belongs to; nil for a roamer.
    func home(of name: NodeName) -> ClusterName? {
        index.place(of: name).map { fleet.clusters[$0.cluster].name }
    }
    /// Whether the fleet names the node.
    func isInFleet(_ name: NodeName) -> Bool {
        index.place(of: name) != nil || index.roamerPlace(of: name) != nil
    }
}
