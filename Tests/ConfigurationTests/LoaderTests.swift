import Testing

@testable import Configuration

/// Layers over each other, and what is wrong in them. YAML itself is tested where it is read, in PromringTests.
@Suite struct LoaderTests {
  static let kafka = ["PROMRING_KAFKA_BROKERS": "a:9092", "PROMRING_KAFKA_TOPIC": "metrics"]

  /// A loader whose only file is `tree`, at `promring.yaml`.
  static func loader(
    _ options: [(String, [String])] = [], environment: [String: String] = kafka, tree: ConfigurationNode? = nil,
    files: [String: String] = [:]
  ) -> ConfigurationLoader {
    var loader = ConfigurationLoader(
      readFile: { path throws(FileProblem) in
        guard let text = files[path] else { throw FileProblem("No such file or directory") }
        return text
      },
      parseYAML: { _, _ throws(ConfigurationError) in tree ?? ConfigurationNode(.absent, line: 1, column: 1) })
    loader.options = options.map { (Setting.at($0), $1) }
    loader.environment = environment
    return loader
  }

  @Test func `options go before the environment, that before the file, that before the default`() throws {
    let tree = map([
      "buffer": map(["retention": scalar("2h"), "max_series": scalar("2"), "max_labels": scalar("2")]),
      "kafka": map(["topics": list(["from-file"]), "brokers": list(["file:1"])]),
    ])
    let configuration = try LoaderTests.loader(
      [("buffer.retention", ["4h"]), ("config-file", ["promring.yaml"]), ("kafka.topic", ["x", "y"])],
      environment: ["PROMRING_BUFFER_RETENTION": "3h", "PROMRING_BUFFER_MAX_SERIES": "3"],
      tree: tree, files: ["promring.yaml": ""]
    ).load().configuration
    #expect(configuration.buffer.retention == .seconds(4 * 3600))
    #expect(configuration.buffer.maxSeries == 3)
    #expect(configuration.buffer.maxLabels == 2)
    #expect(configuration.buffer.maxLabelNameBytes == ServeConfiguration().buffer.maxLabelNameBytes)
    #expect(configuration.kafka.topics == ["x", "y"])
    #expect(configuration.kafka.brokers == ["file:1"])
    #expect(configuration.configFile == "promring.yaml")
  }

  @Test func `properties of several layers are laid over each other name by name`() throws {
    let tree = map(["kafka": map(["properties": map(["a": scalar("file"), "b": scalar("file"), "c": scalar("file")])])])
    let environment = LoaderTests.kafka.merging([
      "PROMRING_CONFIG_FILE": "f.yaml", "PROMRING_KAFKA_PROPERTY": "b=env,ssl.cipher.suites=X,Y,c=env",
      "PROMRING_KAFKA_PROPERTY_SASL_PASSWORD": "geheim", "PROMRING_KAFKA_PROPERTY_FILE": "ssl.key.password=key.txt",
    ]) { $1 }
    let properties = try LoaderTests.loader(
      [("kafka.property", ["c=option=with=signs"])], environment: environment, tree: tree,
      files: ["f.yaml": "", "key.txt": "  from file \n"]
    ).load().configuration.kafka.properties
    #expect(
      properties == [
        "a": KafkaProperty("file"), "b": KafkaProperty("env"), "c": KafkaProperty("option=with=signs"),
        "ssl.cipher.suites": KafkaProperty("X,Y"), "sasl.password": KafkaProperty("geheim"),
        "ssl.key.password": KafkaProperty("  from file ", file: "key.txt"),
      ])
  }

  @Test func `a comma within brackets does not part topics of the environment`() throws {
    let environment = ["PROMRING_KAFKA_BROKERS": "a:1, b:2,", "PROMRING_KAFKA_TOPIC": "^m{1,2}-[a,b](x,y)?,plain"]
    let kafka = try LoaderTests.loader(environment: environment).load().configuration.kafka
    #expect(kafka.brokers == ["a:1", "b:2"])
    #expect(kafka.topics == ["^m{1,2}-[a,b](x,y)?", "plain"])
  }

  @Test func `variables that Kubernetes or the tests set are left alone`() throws {
    let others = [
      "PROMRING_SERVICE_HOST": "10.0.0.1", "PROMRING_SERVICE_PORT": "9797", "PROMRING_SERVICE_PORT_HTTP": "9797",
      "PROMRING_PORT": "tcp://10.0.0.1:9797", "PROMRING_WEB_PORT_9797_TCP": "tcp://10.0.0.1:9797",
      "PROMRING_WEB_PORT_9797_TCP_ADDR": "10.0.0.1", "PROMRING_PORT_53_UDP_PROTO": "udp",
      "PROMRING_TEST_BROKERS": "a:9092", "PROMRING_KAFKA_GROUP_ID": "", "OTHER": "x",
    ]
    let configuration = try LoaderTests.loader(environment: LoaderTests.kafka.merging(others) { $1 }).load()
    #expect(configuration.configuration.kafka.groupID == "promring")
    #expect(configuration.given.map(\.key) == ["kafka.brokers", "kafka.topics"])
  }

  @Test func `the demo needs neither brokers nor topics`() throws {
    #expect(try LoaderTests.loader(environment: [:]).load(needsKafka: false).configuration == ServeConfiguration())
  }

  @Test(arguments: [
    (
      ["PROMRING_KAFKA_BROKER": "a:1"],
      "PROMRING_KAFKA_BROKER: no setting has this environment variable; did you mean PROMRING_KAFKA_BROKERS?"
    ),
    (["PROMRING_PORT": "9797"], "PROMRING_PORT: no setting has this environment variable"),
    (["PROMRING_KAFKA_BROKERS": " , "], "PROMRING_KAFKA_BROKERS: must not be empty"),
    (["PROMRING_KAFKA_BROKERS": "a:0"], #"PROMRING_KAFKA_BROKERS: "a:0" is no broker; write it as host:port"#),
    (
      ["PROMRING_KAFKA_BROKERS": "http://a:1"],
      #"PROMRING_KAFKA_BROKERS: "http://a:1" is no broker; write it as host:port"#
    ),
    (["PROMRING_KAFKA_TOPIC": "a b"], #"PROMRING_KAFKA_TOPIC: "a b" is no topic name"#),
    (
      ["PROMRING_KAFKA_TOPIC": "^(a"],
      #"PROMRING_KAFKA_TOPIC: "^(a" is no regular expression (POSIX extended, as in librdkafka)"#
    ),
    (
      ["PROMRING_KAFKA_DEAD_LETTER_TOPIC": "metrics"],
      #"PROMRING_KAFKA_DEAD_LETTER_TOPIC: "metrics" is itself read, by the topic "metrics": "#
        + "its records would go round for ever"
    ),
    (
      ["PROMRING_KAFKA_TOPIC": "^metrics", "PROMRING_KAFKA_DEAD_LETTER_TOPIC": "metrics-dead"],
      #"PROMRING_KAFKA_DEAD_LETTER_TOPIC: "metrics-dead" is itself read, by the topic "^metrics": "#
        + "its records would go round for ever"
    ),
    (
      ["PROMRING_KAFKA_PROPERTY": "group.id=x"],
      "PROMRING_KAFKA_PROPERTY: librdkafka property group.id is set by --kafka-group-id; use that"
    ),
    (
      ["PROMRING_KAFKA_PROPERTY": "sasl.password:geheim"],
      #"PROMRING_KAFKA_PROPERTY: no name and "=" at "sasl.password"; write it as name=value"#
    ),
    (
      ["PROMRING_KAFKA_PROPERTY_FILE": "sasl.password=/none"],
      #"PROMRING_KAFKA_PROPERTY_FILE: sasl.password: the file "/none" cannot be read: No such file or directory"#
    ),
    (
      ["PROMRING_CONFIG_FILE": "/none"],
      #"PROMRING_CONFIG_FILE: the file "/none" cannot be read: No such file or directory"#
    ),
    (["PROMRING_BUFFER_SLAB_DURATION": "2h"], "PROMRING_BUFFER_SLAB_DURATION: is longer than the retention, 1h"),
    (
      ["PROMRING_BUFFER_SLAB_DURATION": "1s"],
      "PROMRING_BUFFER_SLAB_DURATION: cuts the retention of 1h into more than 1024 slabs; make it longer"
    ),
    (["PROMRING_WEB_CORS_ORIGIN": "("], #"PROMRING_WEB_CORS_ORIGIN: error parsing regexp "(": missing ): ("#),
    (
      ["PROMRING_EXPORT_METRIC_TYPE": "x=conter"],
      #"PROMRING_EXPORT_METRIC_TYPE: x: "conter" is none of counter, gauge, histogram, summary, untyped"#
        + "; did you mean counter?"
    ),
    (
      ["PROMRING_LOG_LEVEL": "wraning\nx"],
      #"PROMRING_LOG_LEVEL: "wraning x" is none of trace, debug, info, notice, warning, error, critical"#
        + "; did you mean warning?"
    ),
  ])
  func `what is wrong is told in one line that names it`(change: [String: String], message: String) {
    #expect {
      _ = try LoaderTests.loader(environment: LoaderTests.kafka.merging(change) { $1 }).load()
    } throws: { error in
      "\(error)" == message
    }
  }

  @Test func `brokers and topics that are missing are asked for`() {
    #expect {
      _ = try LoaderTests.loader(environment: [:]).load()
    } throws: { error in
      "\(error)"
        == "--kafka-brokers is missing; give the option, PROMRING_KAFKA_BROKERS or "
        + "kafka.brokers in the file of --config-file"
    }
  }

  @Test(arguments: ["a", "a:9092", "SASL_SSL://a.b:9093", "[::1]:9092", "[::1]"])
  func `brokers are what librdkafka takes for them`(broker: String) throws {
    let environment = LoaderTests.kafka.merging(["PROMRING_KAFKA_BROKERS": broker]) { $1 }
    #expect(try LoaderTests.loader(environment: environment).load().configuration.kafka.brokers == [broker])
  }

  @Test func `librdkafka's refusal names the property and its place, and hides secrets`() throws {
    var loader = LoaderTests.loader([("kafka.property", ["sasl.mechanisn=PLAIN"])])
    loader.environment["PROMRING_KAFKA_PROPERTY_SASL_PASSWORD"] = "geheim"
    loader.kafkaProblem = { properties in
      for (name, value) in properties where name != "sasl.password" {
        return KafkaPropertyProblem(name, "no such property (value \(value))")
      }
      return KafkaPropertyProblem("sasl.password", "invalid value \(properties["sasl.password"] ?? "")")
    }
    #expect { _ = try loader.load() } throws: { error in
      "\(error)" == "--kafka-property: librdkafka property sasl.mechanisn: no such property (value PLAIN)"
    }
    loader.options = []
    #expect { _ = try loader.load() } throws: { error in
      "\(error)" == "PROMRING_KAFKA_PROPERTY_SASL_PASSWORD: librdkafka property sasl.password: invalid value <secret>"
    }
    loader.kafkaProblem = { _ in KafkaPropertyProblem("sasl.mechanism", "not set") }
    #expect { _ = try loader.load() } throws: { error in
      "\(error)" == "librdkafka property sasl.mechanism: not set"
    }
  }

  @Test func `the slab duration follows the retention`() {
    var buffer = ServeConfiguration.Buffer()
    #expect(buffer.effectiveSlabDuration == .seconds(450))
    buffer.retention = .zero
    #expect(buffer.effectiveSlabDuration == .seconds(450))
    buffer.retention = .seconds(2)
    #expect(buffer.effectiveSlabDuration == .seconds(1))
    buffer.slabDuration = .seconds(7)
    #expect(buffer.effectiveSlabDuration == .seconds(7))
  }
}

private func scalar(_ text: String) -> ConfigurationNode { ConfigurationNode(.scalar(text), line: 1, column: 1) }

private func list(_ texts: [String]) -> ConfigurationNode {
  ConfigurationNode(.list(texts.map(scalar)), line: 1, column: 1)
}

private func map(_ pairs: [String: ConfigurationNode]) -> ConfigurationNode {
  let entries = pairs.map { ConfigurationNode.Entry(key: $0.key, line: 1, column: 1, value: $0.value) }
  return ConfigurationNode(.map(entries), line: 1, column: 1)
}
