internal import CRdKafka

/// How to reach a Kafka cluster: brokers, a client name, and any properties of librdkafka.
///
/// A value of this type has been checked property by property. What only shows when all are taken together, such as a
/// certificate file that cannot be read, is refused by whoever makes a client of it, with the same ``SettingsError``.
public struct ClientSettings: Sendable {
  /// `host:port` each; the port is 9092 when left out.
  public let brokers: [String]
  /// The name under which brokers log and limit this client.
  public let clientID: String
  /// librdkafka's properties by name, as its `CONFIGURATION.md` has them. They win over this module's defaults.
  public let properties: [String: String]
  /// Where librdkafka's log lines go.
  public let log: ClientLog

  /// - Throws: what is wrong with the first bad property, in order of name.
  public init(
    brokers: [String], clientID: String = "promring", properties: [String: String] = [:],
    log: @escaping ClientLog = { _, _, _ in }
  ) throws(SettingsError) {
    self.brokers = brokers.filter { !$0.isEmpty }
    self.clientID = clientID
    self.properties = properties
    self.log = log
    guard !self.brokers.isEmpty else { throw .noBrokers }
    for (name, reason) in ClientSettings.reserved where properties[name] != nil {
      throw .reserved(property: name, reason: reason)
    }
    var scratch = ClientConfig()
    try scratch.set("bootstrap.servers", bootstrap)
    try scratch.set("client.id", clientID)
    for (name, value) in properties.sorted(by: { $0.key < $1.key }) { try scratch.set(name, value) }
    if let protocolName = properties["security.protocol"]?.lowercased(), protocolName.hasPrefix("sasl"),
      properties["sasl.mechanism"] == nil, properties["sasl.mechanisms"] == nil
    {
      throw .invalid(
        property: "sasl.mechanism",
        reason: "not set: with security.protocol=\(protocolName) librdkafka would try Kerberos (GSSAPI); "
          + "set it to PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or GSSAPI")
    }
  }

  /// The properties for people to see: values that are secret, or may be, are masked.
  public var redactedProperties: [String: String] {
    properties.reduce(into: [:]) { masked, property in
      masked[property.key] = ClientSettings.isSecret(property.key) ? "[redacted]" : property.value
    }
  }

  /// Whether the value of property `name` must not be shown. What librdkafka masks in its own debug log, and whatever
  /// has a telling word in its name: a secret too many hidden is the smaller harm.
  public static func isSecret(_ name: String) -> Bool {
    let name = name.lowercased()
    return secrets.contains(name) || tellingWords.contains { name.contains($0) }
  }

  /// The release of librdkafka in use, as in `2.0.2`.
  public static var libraryVersion: String { String(cString: rd_kafka_version_str()) }

  var bootstrap: String { brokers.joined(separator: ",") }

  /// Without TLS and SASL no broker knows who asks, so access lists hardly play a part.
  var isAnonymous: Bool { (properties["security.protocol"] ?? "plaintext").lowercased() == "plaintext" }

  private static let secrets: Set<String> = [
    "sasl.username", "sasl.password", "ssl.key.location", "ssl.key.password", "ssl.key.pem", "ssl_key", "ssl.ca.pem",
    "ssl.keystore.password", "sasl.oauthbearer.config",
  ]
  private static let tellingWords = ["password", "passwd", "secret", "token", "jaas", "credential", "private"]

  /// Properties that this module sets itself, because its promises rest on them.
  private static let reserved = [
    ("bootstrap.servers", "give the brokers by their own setting"),
    ("metadata.broker.list", "give the brokers by their own setting"),
    ("client.id", "give the client's name by its own setting"),
    ("group.id", "choose the mode \"group\" with a name instead"),
    ("enable.auto.commit", "committed offsets are for lag monitors only and written by promring itself"),
    ("enable.auto.offset.store", "offsets count once their records are applied, not once they are fetched"),
    ("auto.offset.reset", "reading starts at the edge of the window; a position that is gone is looked up again"),
    ("enable.partition.eof", "the end of a partition tells that its replay is done"),
    ("log.queue", "log lines are taken as they come"),
  ]
}

/// Why a client cannot be made of these settings: one line that names the setting.
public enum SettingsError: Error, Hashable, Sendable {
  case noBrokers
  /// librdkafka has no such property.
  case unknown(property: String, hint: String?)
  /// librdkafka refuses the value.
  case invalid(property: String, reason: String)
  /// The property is set by this module itself.
  case reserved(property: String, reason: String)
  /// A topic's name or regular expression cannot be.
  case topic(String, reason: String)
  /// Each setting is in order, but not all together.
  case refused(reason: String)
}

extension SettingsError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .noBrokers: "no Kafka brokers given (host:port)"
    case .unknown(let property, let hint):
      "Kafka property \"\(property)\": librdkafka \(ClientSettings.libraryVersion) knows no such property"
        + (hint.map { "; \($0)" } ?? "")
    case .invalid(let property, let reason): "Kafka property \"\(property)\": \(reason)"
    case .reserved(let property, let reason): "Kafka property \"\(property)\" cannot be set: \(reason)"
    case .topic(let topic, let reason): "Kafka topic \"\(topic)\": \(reason)"
    case .refused(let reason): "Kafka settings refused: \(reason)"
    }
  }
}
