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

  @Test(arguments: zip(Setting.all.map(\.path), otherValues))
  func `a value other than the default is kept, and shown in flags and YAML`(path: String, text: String) throws {
    let setting = Setting.at(path)
    var builder = ConfigurationBuilder { _ throws(FileProblem) in "in a file" }
    try builder.set(setting, to: [text], at: .option(setting.option))
    #expect(builder.configuration != ServeConfiguration())
    let flags = Dictionary(uniqueKeysWithValues: builder.configuration.flags.map { ($0.name, $0.value) })
    #expect(flags.count == Setting.all.count)
    #expect(flags[setting.name] == text)
    #expect(setting.yamlKey.isEmpty || builder.configuration.yaml != ServeConfiguration().yaml)
  }

  /// A value for each setting, in the order of the table, none of them the default.
  static let otherValues = [
    "/etc/promring.yaml", "a:9092,b:9092", "^metrics-.*", "group", "readers", "3", "debug=cgrp,topic",
    "ssl.key.password=/run/secrets/key", "dead", "1m", "128MiB", "1MiB",
    "2h", "1GiB", "5", "6", "7", "8", "9s", "10m", "1m", "false", "weird=counter", "1s", "2", "3", "4", "1m",
    "5", "6", "2MiB",
    "0.0.0.0:0", "1", "2", "3", "4KiB", "5s", "/promring", "https://.*", "1m", "3s", "debug", "json",
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

  @Test func `the table in the README is the one that the settings make`() throws {
    let readme = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../README.md").standardized
    let text = try String(contentsOf: readme, encoding: .utf8)
    let begin = try #require(text.range(of: "<!-- settings: made from the table in Sources/Configuration -->\n"))
    let end = try #require(text.range(of: "<!-- end of settings -->"))
    let table = String(text[begin.upperBound..<end.lowerBound])
    if ProcessInfo.processInfo.environment["PROMRING_TEST_REGENERATE"] != nil {
      let fresh = text[..<begin.upperBound] + SettingsReference.markdown + text[end.lowerBound...]
      try String(fresh).write(to: readme, atomically: true, encoding: .utf8)
    } else {
      #expect(table == SettingsReference.markdown, "PROMRING_TEST_REGENERATE=1 swift test writes it anew")
    }
  }
}
