/// The value of a librdkafka property. It does not print itself: `print`, string interpolation and `dump` show that
/// there is a value and nothing of it. Where it may be shown is decided by name, in `shown(as:)`.
public struct KafkaProperty: Sendable, Equatable {
  public var value: String
  /// The file that the value was read from; `nil` when it was given directly.
  public var file: String?

  public init(_ value: String, file: String? = nil) {
    self.value = value
    self.file = file
  }

  /// What stands in the place of a secret wherever settings are shown; Prometheus shows its own that way.
  public static let mask = "<secret>"

  /// The value as status pages and logs may show it under the property's name: masked when the name is one of a secret
  /// or the value came from a file.
  public func shown(as name: String) -> String {
    isSecret(as: name) ? KafkaProperty.mask : value
  }

  /// Whether the value must never be shown. One that was put into a file was meant to stay there.
  public func isSecret(as name: String) -> Bool { file != nil || KafkaProperty.isSecretName(name) }

  /// Whether a property of this name holds a secret: what librdkafka masks in its own log (`rdkafka_conf.c`,
  /// `_RK_SENSITIVE`), and whatever calls itself a password, secret, token or credential.
  public static func isSecretName(_ name: String) -> Bool {
    let name = name.lowercased()
    return sensitive.contains(name) || ["password", "secret", "token", "credential"].contains { name.contains($0) }
  }

  private static let sensitive: Set<String> = [
    "sasl.username", "sasl.oauthbearer.config", "ssl.key.location", "ssl.key.pem", "ssl.ca.pem", "ssl.certificate.pem",
  ]
}

extension KafkaProperty: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  public var description: String { "(\(value.utf8.count) bytes)" }
  public var debugDescription: String { description }
  public var customMirror: Mirror { Mirror(self, children: ["bytes": value.utf8.count]) }
}
