import KafkaClient
import Testing

@Suite struct ClientSettingsTests {
  private func failure(_ properties: [String: String]) -> SettingsError? {
    do throws(SettingsError) {
      _ = try ClientSettings(brokers: ["localhost:9092"], properties: properties)
      return nil
    } catch {
      return error
    }
  }

  @Test func `good properties pass, those of the topic level among them`() throws {
    let properties = ["fetch.min.bytes": "10", "acks": "1", "debug": "broker", "sasl.mechanisms": "PLAIN"]
    #expect(failure(properties) == nil)
    let settings = try ClientSettings(brokers: ["a:1", "", "b:2"], properties: properties)
    #expect(settings.brokers == ["a:1", "b:2"])
  }

  @Test func `settings without brokers are refused`() {
    #expect(throws: SettingsError.noBrokers) { try ClientSettings(brokers: [""]) }
  }

  @Test func `an unknown property is named, with librdkafka's version`() {
    let error = failure(["fetch.mim.bytes": "1", "acks": "all"])
    #expect(error == .unknown(property: "fetch.mim.bytes", hint: nil))
    #expect(error?.description.contains("\"fetch.mim.bytes\"") == true)
    #expect(error?.description.contains(ClientSettings.libraryVersion) == true)
  }

  @Test(arguments: [
    ("fetch.queue.backoff.ms", "later release"), ("group.protocol", "later release"),
    ("max.poll.records", "Java client"),
  ])
  func `a property that exists elsewhere gets a hint`(name: String, hint: String) {
    guard case .unknown(name, let given?) = failure([name: "1"]) else {
      // A later librdkafka may know it.
      #expect(!ClientSettings.libraryVersion.hasPrefix("2.0."))
      return
    }
    #expect(given.contains(hint))
  }

  @Test(arguments: [("fetch.min.bytes", "many"), ("security.protocol", "carrier_pigeon"), ("acks", "-7")])
  func `a wrong value is named with librdkafka's reason`(name: String, value: String) {
    guard case .invalid(let property, let reason) = failure([name: value]) else {
      Issue.record("accepted")
      return
    }
    #expect(property == name)
    #expect(!reason.isEmpty)
  }

  @Test(arguments: ["group.id", "enable.auto.commit", "auto.offset.reset", "bootstrap.servers", "client.id"])
  func `what this module decides itself cannot be set`(name: String) {
    guard case .reserved(name, let reason) = failure([name: "x"]) else {
      Issue.record("accepted")
      return
    }
    #expect(!reason.isEmpty)
  }

  @Test func `SASL without a mechanism is refused before Kerberos is tried`() {
    let error = failure(["security.protocol": "SASL_SSL", "sasl.username": "u", "sasl.password": "p"])
    guard case .invalid("sasl.mechanism", let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("SCRAM-SHA-256"))
  }

  @Test func `secrets are masked, the rest is shown`() throws {
    let settings = try ClientSettings(
      brokers: ["a:1"],
      properties: [
        "sasl.username": "joe", "sasl.password": "hush", "ssl.key.password": "hush", "ssl.key.pem": "hush",
        "ssl.key.location": "/etc/key.pem", "ssl.ca.pem": "hush", "ssl.keystore.password": "hush",
        "sasl.oauthbearer.config": "hush",
        "ssl.ca.location": "/etc/ca.pem", "sasl.mechanism": "PLAIN",
      ])
    let shown = settings.redactedProperties.filter { $0.value != "[redacted]" }
    #expect(shown == ["ssl.ca.location": "/etc/ca.pem", "sasl.mechanism": "PLAIN"])
    #expect(settings.redactedProperties.count == settings.properties.count)
  }

  @Test(arguments: ["sasl.oauthbearer.client.secret", "sasl.jaas.config", "some.Token.here", "x.passwd", "my.SECRET"])
  func `a telling name is enough to be masked`(name: String) {
    #expect(ClientSettings.isSecret(name))
  }

  @Test func `what only shows when taken together is refused by the pool`() throws {
    let settings = try ClientSettings(brokers: ["127.0.0.1:1"], properties: ["ssl.ca.location": "/nowhere/ca.pem"])
    let withTLS = try ClientSettings(
      brokers: ["127.0.0.1:1"],
      properties: settings.properties.merging(["security.protocol": "ssl"]) { $1 })
    #expect(throws: SettingsError.self) {
      try ConsumerPool(settings: withTLS, options: ConsumerOptions(topics: ["t"])) { _ in
        SinkProcessor(sink: Sink(), worker: 0)
      }
    }
  }
}
