import Foundation
import Testing

@testable import Configuration

/// The table of settings, and what is made from it.
@Suite struct SettingsTests {
  @Test func `every name belongs to one setting`() {
    for names in [Setting.all.map(\.path), Setting.all.map(\.option), Setting.all.map(\.environmentVariable)] {
      #expect(Set(names).count == Setting.all.count)
    }
    // A property is one key in the file, whether its value stands there or in a file of its own.
    #expect(Set(Setting.all.map(\.yamlKey)).count == Setting.all.count - 1)
  }

  @Test func `names follow from the path`() {
    let setting = Setting.at("kafka.dead-letter-topic")
    #expect(setting.option == "--kafka-dead-letter-topic")
    #expect(setting.environmentVariable == "PROMRING_KAFKA_DEAD_LETTER_TOPIC")
    #expect(setting.yamlKey == "kafka.dead_letter_topic")
    #expect(Setting.at("kafka.topic").yamlKey == "kafka.topics")
  }

  @Test func `no setting has the name of a variable that Kubernetes sets`() {
    for setting in Setting.all {
      #expect(!ConfigurationBuilder.isOthers(setting.environmentVariable, "tcp://10.0.0.1:9797"), "\(setting.path)")
    }
  }

  @Test(arguments: Setting.all.filter { !$0.isRepeatable }.map(\.path))
  func `the default is a value that the setting accepts`(path: String) throws {
    let setting = Setting.at(path)
    var builder = ConfigurationBuilder { _ throws(FileProblem) in throw FileProblem("no files here") }
    try builder.set(setting, to: [setting.defaultText], at: .option(setting.option))
    #expect(builder.configuration == ServeConfiguration())
  }

  @Test(arguments: Setting.all.map(\.path))
  func `a value other than the default is kept, and shown in flags and YAML`(path: String) throws {
    let setting = Setting.at(path)
    let text = try #require(Self.otherValues[path])
    var builder = ConfigurationBuilder { _ throws(FileProblem) in "in a file" }
    try builder.set(setting, to: [text], at: .option(setting.option))
    #expect(builder.configuration != ServeConfiguration())
    let flags = Dictionary(uniqueKeysWithValues: builder.configuration.flags.map { ($0.name, $0.value) })
    #expect(flags.count == Setting.all.count)
    #expect(flags[setting.name] == text)
    #expect(setting.yamlKey.isEmpty || builder.configuration.yaml != ServeConfiguration().yaml)
  }

  /// A value for each setting, none of them the default.
  static let otherValues = [
    "config-file": "/etc/promring.yaml",
    "kafka.brokers": "a:9092,b:9092",
    "kafka.topic": "^metrics-.*",
    "kafka.mode": "group",
    "kafka.group-id": "readers",
    "kafka.threads": "3",
    "kafka.property": "debug=cgrp,topic",
    "kafka.property-file": "ssl.key.password=/run/secrets/key",
    "kafka.dead-letter-topic": "dead",
    "kafka.metadata-interval": "1m",
    "kafka.queue-bytes": "128MiB",
    "record.max-bytes": "1MiB",
    "buffer.retention": "2h",
    "buffer.max-bytes": "1GiB",
    "buffer.max-series": "5",
    "buffer.max-labels": "6",
    "buffer.max-label-name-bytes": "7",
    "buffer.max-label-value-bytes": "8",
    "buffer.future-skew": "9s",
    "buffer.slab-duration": "10m",
    "export.staleness": "1m",
    "export.timestamps": "false",
    "export.metric-type": "weird=counter",
    "query.timeout": "1s",
    "query.max-concurrency": "2",
    "query.max-queue": "3",
    "query.max-samples": "4",
    "query.max-series": "7",
    "query.max-response-bytes": "64KiB",
    "query.lookback-delta": "1m",
    "query.remote-read-max-concurrency": "5",
    "query.remote-read-max-samples": "6",
    "query.remote-read-frame-bytes": "2MiB",
    "query.strong-read-timeout": "20s",
    "query.log-slower-than": "30s",
    "enable-feature": "promql-duration-expr",
    "web.listen-address": "0.0.0.0:0",
    "web.probe-listen-address": "127.0.0.1:9798",
    "web.config-file": "/etc/web.yml",
    "web.bearer-token-file": "/run/secrets/tokens",
    "web.threads": "1",
    "web.max-connections": "2",
    "web.max-connections-per-address": "3",
    "web.max-concurrency": "11",
    "web.max-queue": "12",
    "web.max-header-bytes": "16KiB",
    "web.max-body-bytes": "4KiB",
    "web.request-timeout": "7s",
    "web.idle-timeout": "5s",
    "web.path-prefix": "/promring",
    "web.cors-origin": "https://.*",
    "ready.grace": "1m",
    "shutdown.timeout": "3s",
    "log.level": "debug",
    "log.format": "json",
    "web.enable-admin-api": "true",
    "web.enable-delivery-api": "true",
    "web.enable-lifecycle": "true",
    "delivery.state": "/var/lib/promring",
    "delivery.threads": "3",
    "delivery.max-request-bytes": "1MiB",
    "delivery.max-in-flight-bytes": "3MiB",
    "delivery.request-timeout": "10s",
    "delivery.cache-bytes": "2MiB",
  ]

  @Test func `numbers and sizes are held within their range`() {
    let cases = [
      ("buffer.max-series", "0"), ("web.threads", "1025"), ("web.threads", "-1"), ("web.threads", "two"),
      ("buffer.max-bytes", "1KiB"), ("kafka.metadata-interval", "1ms"), ("query.timeout", "0"), ("log.level", "loud"),
      ("kafka.mode", "none"), ("export.timestamps", "maybe"), ("web.path-prefix", "promring"),
      ("web.path-prefix", "/a//b"), ("web.path-prefix", "/a?b"), ("web.listen-address", "9797"),
    ]
    for (path, text) in cases {
      let setting = Setting.at(path)
      var builder = ConfigurationBuilder { _ throws(FileProblem) in "" }
      #expect("\(path)=\(text)") {
        try builder.set(setting, to: [text], at: .option(setting.option))
      } throws: { error in
        "\(error)".hasPrefix("\(setting.option): \"\(text)\" ")
      }
    }
  }

  @Test func `the table in the reference is the one that the settings make`() throws {
    let reference = URL(filePath: #filePath).deletingLastPathComponent()
      .appending(path: "../../docs/reference/options.md").standardized
    let text = try String(contentsOf: reference, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- settings: made from the table in Sources/Configuration -->\n"))
    let end = try #require(text.range(of: "<!-- end of settings -->"))
    let table = String(text[begin.upperBound..<end.lowerBound])
    if ProcessInfo.processInfo.environment["PROMRING_TEST_REGENERATE"] != nil {
      let fresh = text[..<begin.upperBound] + SettingsReference.markdown + text[end.lowerBound...]
      try String(fresh).write(to: reference, atomically: true, encoding: .utf8)
    } else {
      #expect(table == SettingsReference.markdown, "PROMRING_TEST_REGENERATE=1 swift test writes it anew")
    }
  }
}
