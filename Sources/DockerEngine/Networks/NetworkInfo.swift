/// A network the daemon has.
package struct NetworkInfo: Sendable, Hashable {
    /// The network's id.
    package var id: String
    /// Its name; the daemon does not keep names unique by itself.
    package var name: String
    /// The first subnet's gateway, when the daemon chose one.
    package var gateway: String?
    /// The first subnet.
    package var subnet: String?
    /// The driver, such as `bridge` or `overlay`.
    package var driver: String
    /// True when the network has no way out.
    package var isInternal: Bool
    /// Its labels.
    package var labels: [String: String]
    /// When it was created, as the daemon writes it.
    package var created: String

    /// Creates a description.
    package init(
        id: String, name: String, gateway: String? = nil, subnet: String? = nil,
        driver: String = "bridge", isInternal: Bool = false, labels: [String: String] = [:],
        created: String = ""
    ) {
        self.id = id
        self.name = name
        self.gateway = gateway
        self.subnet = subnet
        self.driver = driver
        self.isInternal = isInternal
        self.labels = labels
        self.created = created
    }

    init?(json: JSONValue) {
        guard let id = json["Id"].string, !id.isEmpty, let name = json["Name"].string else {
            return nil
        }
        let pool = json["IPAM"]["Config"].elements.first ?? .null
        // Some versions write the gateway with its prefix length.
        let gateway = pool["Gateway"].string?.split(separator: "/").first.map(String.init)
        self.init(
            id: id, name: name, gateway: gateway, subnet: pool["Subnet"].string,
            driver: json["Driver"].string ?? "", isInternal: json["Internal"].bool ?? false,
            labels: json["Labels"].stringMap, created: json["Created"].string ?? "")
    }
}
