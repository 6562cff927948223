extension ConfigurationBuilder {
  private static let propertyPrefix = "PROMRING_KAFKA_PROPERTY_"

  /// Takes every `PROMRING_…` variable; one that means nothing is refused, as a misspelt one would otherwise be lost
  /// without a word. `PROMRING_KAFKA_PROPERTY_SASL_PASSWORD` is the librdkafka property `sasl.password`.
  mutating func apply(environment: [String: String]) throws(ConfigurationError) {
    let settings = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.environmentVariable, $0) })
    let mine = environment.filter { $0.key.hasPrefix(Setting.environmentPrefix) }
    for (name, value) in mine.sorted(by: { $0.key < $1.key }) {
      let origin = Origin.environment(name)
      if let setting = settings[name] {
        guard !value.isEmpty else { continue }
        try set(setting, to: elements(of: value, for: setting), at: origin)
      } else if name.hasPrefix(ConfigurationBuilder.propertyPrefix) {
        guard !value.isEmpty else { continue }
        let property = name.dropFirst(ConfigurationBuilder.propertyPrefix.count)
        setProperty(property.lowercased().replacing("_", with: "."), to: KafkaProperty(value), at: origin)
      } else if !ConfigurationBuilder.isOthers(name, value) {
        let near = Suggestion.text(for: name, among: settings.keys.sorted())
        throw ConfigurationError(origin, "no setting has this environment variable\(near)")
      }
    }
  }

  private func elements(of value: String, for setting: Setting) -> [String] {
    guard setting.isRepeatable else { return [value] }
    guard case .list = setting.storage else {
      // A piece without a name of its own belongs to the value before it: `ssl.cipher.suites=A,B,debug=cgrp`.
      return splitAtCommas(value).reduce(into: []) { pairs, piece in
        if piece.contains("=") || pairs.isEmpty { pairs.append(piece) } else { pairs[pairs.count - 1] += ",\(piece)" }
      }
    }
    return splitAtCommas(value)
  }

  /// Variables with our prefix that others set: `PROMRING_TEST_…` belongs to the tests, and Kubernetes describes each
  /// service to every container, a service `promring-web` by `PROMRING_WEB_SERVICE_HOST`, `PROMRING_WEB_PORT`,
  /// `PROMRING_WEB_PORT_9797_TCP_ADDR` and more (kubernetes.io, "Service: environment variables").
  static func isOthers(_ name: String, _ value: String) -> Bool {
    if name.hasPrefix("PROMRING_TEST_") || name.hasSuffix("_SERVICE_HOST") { return true }
    if name.hasSuffix("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") { return true }
    if name.hasSuffix("_PORT") { return value.contains("://") }
    let words = name.split(separator: "_")
    return words.indices.dropFirst().contains { i in
      words[i - 1] == "PORT" && Int(decimal: words[i]) != nil && i + 1 < words.count
        && ["TCP", "UDP", "SCTP"].contains(words[i + 1])
    }
  }
}
