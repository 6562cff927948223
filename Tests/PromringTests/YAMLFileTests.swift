import Configuration
import Testing

@testable import promring

@Suite struct YAMLFileTests {
  static func load(_ yaml: String, files: [String: String] = [:]) throws -> LoadedConfiguration {
    var loader = ConfigurationLoader(
      readFile: { path throws(FileProblem) in
        guard let text = path == "etc/p.yaml" ? yaml : files[path] else { throw FileProblem("no such file") }
        return text
      },
      parseYAML: { text, path throws(ConfigurationError) in try YAMLFile.parse(text, path: path) })
    loader.options = [(Setting.at("config-file"), ["etc/p.yaml"])]
    return try loader.load(needsKafka: false)
  }

  @Test func `a file sets what it names`() throws {
    let configuration = try YAMLFileTests.load(
      """
      # a comment
      kafka:
        brokers: a:9092,b:9092
        topics:
          - up
          - ^m{1,2}
        mode: group
        properties:
          sasl.password: {file: secrets/kafka}
          ssl.key.password: {file: /run/key}
          socket.keepalive.enable: true
      export:
        timestamps: no
        metrics:
          weird: counter
          odd: {type: gauge, help: "An odd thing"}
      query:
      web: {listen_address: ":0"}
      """, files: ["etc/secrets/kafka": "geheim\n", "/run/key": "schluessel"]
    ).configuration
    #expect(configuration.kafka.brokers == ["a:9092", "b:9092"])
    #expect(configuration.kafka.topics == ["up", "^m{1,2}"])
    #expect(configuration.kafka.mode == .group)
    #expect(
      configuration.kafka.properties == [
        "sasl.password": KafkaProperty("geheim", file: "etc/secrets/kafka"),
        "ssl.key.password": KafkaProperty("schluessel", file: "/run/key"),
        "socket.keepalive.enable": KafkaProperty("true"),
      ])
    #expect(!configuration.export.timestamps)
    #expect(configuration.export.metrics["weird"] == ServeConfiguration.MetricDescription(type: .counter))
    #expect(configuration.export.metrics["odd"]?.help == "An odd thing")
    #expect(configuration.web.listenAddress == ListenAddress(host: "0.0.0.0", port: 0))
  }

  @Test(arguments: ["", "# nothing", "---\n", "{}", "kafka:\n"])
  func `an empty file sets nothing`(yaml: String) throws {
    #expect(try YAMLFileTests.load(yaml).given.map(\.key) == ["config-file"])
  }

  @Test(arguments: [
    ("kafka:\n  topcis: [a]", #"etc/p.yaml:2:3: unknown key "kafka.topcis"; did you mean kafka.topics?"#),
    ("kafak:\n  topics: [a]", #"etc/p.yaml:1:1: unknown key "kafak"; did you mean kafka?"#),
    ("kafka-brokers: a", #"etc/p.yaml:1:1: unknown key "kafka-brokers"; did you mean kafka.brokers?"#),
    ("log:\n  group-id: x", #"etc/p.yaml:2:3: unknown key "log.group-id""#),
    ("kafka:\n  group-id: x", #"etc/p.yaml:2:3: unknown key "kafka.group-id"; did you mean kafka.group_id?"#),
    ("- a", "etc/p.yaml:1:1: expected a map of settings, such as kafka:, found a list"),
    ("kafka: a", "etc/p.yaml:1:8: kafka: expected a map of settings, found a single value"),
    ("buffer:\n  retention: [1h]", "etc/p.yaml:2:14: buffer.retention: expected a single value, found a list"),
    (
      "buffer:\n  retention: 1x",
      #"etc/p.yaml:2:14: buffer.retention: "1x" is no duration; write it as 30s, 1h30m or 500ms"#
    ),
    ("buffer:\n  retention:", "etc/p.yaml:2:13: buffer.retention: has no value; give one or remove the line"),
    ("kafka:\n  topics: {a: b}", "etc/p.yaml:2:11: kafka.topics: expected a list, found a map"),
    ("kafka:\n  topics: [[a]]", "etc/p.yaml:2:12: kafka.topics: expected a single value, found a list"),
    ("kafka:\n  topics: a,b", #"etc/p.yaml:2:11: kafka.topics: "a,b" is no topic name; give each topic on its own"#),
    ("kafka:\n  properties: a=b", "etc/p.yaml:2:15: kafka.properties: expected a map of names, found a single value"),
    (
      "kafka:\n  properties: {a: {path: b}}",
      "etc/p.yaml:2:19: kafka.properties.a: expected a value, or {file: path} for one that is kept in a file"
    ),
    (
      "kafka:\n  properties: {a: {file: b}}",
      #"etc/p.yaml:2:19: kafka.properties.a: a: the file "etc/b" cannot be read: no such file"#
    ),
    (
      "export:\n  metrics: {a: {tpye: gauge}}",
      #"etc/p.yaml:2:17: export.metrics.a: unknown key "tpye"; did you mean type?"#
    ),
    (
      "export:\n  metrics: {a: gague}",
      #"etc/p.yaml:2:16: export.metrics.a: a: "gague" is none of counter, gauge, histogram, summary, untyped"#
        + "; did you mean gauge?"
    ),
    ("kafka: [a", "etc/p.yaml:2:1: no YAML: did not find expected ',' or ']' while parsing a flow sequence"),
    ("log:\n  level: info\n  level: debug", "etc/p.yaml:2:3: given twice: level"),
    ("{a: b}: c", "etc/p.yaml:1:1: expected the name of a setting, found a list or map"),
  ])
  func `what is wrong is told with line and column`(yaml: String, message: String) {
    #expect {
      _ = try YAMLFileTests.load(yaml)
    } throws: { error in
      "\(error)" == message
    }
  }

  @Test func `the YAML of the settings in force reads back as the same settings`() throws {
    let configuration = try YAMLFileTests.load(
      """
      kafka: {topics: ["^\\\\w+\\"x"], properties: {debug: "a\\nb: c # d", sasl.password: {file: /s}}}
      export: {metrics: {"a b": {type: counter, help: "é \\"q\\""}}}
      buffer: {retention: 90m, max_bytes: 1GB}
      web: {path_prefix: /x/, cors_origin: ".*"}
      """, files: ["/s": "geheim"]
    ).configuration
    let again = try YAMLFileTests.load(configuration.yaml, files: ["/s": "geheim"]).configuration
    #expect(again == configuration)
  }

  @Test(arguments: [
    "\u{7F}", "\u{80}", "\u{85}", "\u{2028}", "\u{2029}", "\u{FEFF}", "\u{FFFF}", "\u{10FFFF}", "\u{0}",
  ])
  func `characters that YAML does not let stand are escaped in what is shown`(character: String) throws {
    var configuration = ServeConfiguration()
    configuration.export.metrics["a\(character)b"] = .init(type: .gauge, help: " \(character) x \(character)")
    var task = DeliveryTask(name: "t")
    task.description = "a \(character) b"
    task.sources = [DeliveryTask.Source(.remoteWrite)]
    task.target.topic = "samples"
    configuration.delivery.tasks = [task]
    let again = try YAMLFileTests.load(configuration.yaml).configuration
    #expect(again.export.metrics == configuration.export.metrics)
    #expect(again.delivery.tasks == [task])
  }
}
