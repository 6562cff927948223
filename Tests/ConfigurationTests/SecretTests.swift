import Testing

@testable import Configuration

/// Secrets go to librdkafka and nowhere else.
@Suite struct SecretTests {
  static let secret = "kT9-geheim"

  static func configuration() throws -> LoadedConfiguration {
    let environment = LoaderTests.kafka.merging([
      "PROMRING_KAFKA_PROPERTY_SASL_PASSWORD": secret,
      "PROMRING_KAFKA_PROPERTY": "ssl.key.pem=\(secret),sasl.username=\(secret),debug=cgrp",
      "PROMRING_KAFKA_PROPERTY_FILE": "sasl.oauthbearer.config=/secret,client.id=/secret",
    ]) { $1 }
    return try LoaderTests.loader(environment: environment, files: ["/secret": secret]).load()
  }

  @Test func `librdkafka gets the secrets`() throws {
    let properties = try SecretTests.configuration().configuration.kafka.properties
    for name in ["sasl.password", "ssl.key.pem", "sasl.username", "sasl.oauthbearer.config", "client.id"] {
      #expect(properties[name]?.value == SecretTests.secret)
    }
  }

  @Test func `no way of printing shows a secret`() throws {
    let loaded = try SecretTests.configuration()
    let configuration = loaded.configuration
    var dumped = ""
    dump(configuration, to: &dumped)
    let texts = [
      "\(configuration)", String(reflecting: configuration), dumped, configuration.yaml,
      configuration.flags.map(\.value).joined(separator: " "), loaded.given.map(\.value).joined(separator: " "),
    ]
    for text in texts { #expect(!text.contains(SecretTests.secret), "\(text)") }
    #expect(configuration.yaml.contains(#""sasl.password": "<secret>""#))
    #expect(configuration.yaml.contains(#""client.id": {file: "/secret"}"#))
    #expect(configuration.yaml.contains(#""debug": "cgrp""#))
    #expect(loaded.given.contains { $0.key == "kafka.properties.sasl.password" && $0.value == "<secret>" })
  }

  @Test(arguments: [
    ("sasl.password", true), ("ssl.keystore.password", true), ("SSL.KEY.PEM", true), ("sasl.oauthbearer.config", true),
    ("sasl.oauthbearer.client.secret", true), ("access.token", true), ("security.protocol", false),
    ("client.id", false), ("debug", false),
  ])
  func `names tell secrets from other properties`(name: String, isSecret: Bool) {
    #expect(KafkaProperty.isSecretName(name) == isSecret)
  }
}
