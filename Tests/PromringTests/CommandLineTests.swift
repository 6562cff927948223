import ArgumentParser
import Configuration
import Foundation
import Testing

@testable import promring

@Suite struct CommandLineTests {
  @Test func `serve and check have an option for every setting, and no other`() throws {
    let groups: [any SettingOptions] = [
      CommonOptions(), KafkaOptions(), ConsumerOptions(), BufferOptions(), ExportOptions(), QueryOptions(),
      DeliveryOptions(), WebOptions(),
    ]
    let names = groups.flatMap { group in
      Mirror(reflecting: group).children.compactMap { $0.label.map(CommonOptions.optionName) }
    }
    #expect(names.sorted() == Setting.all.map(\.name).sorted())
    for command in [ServeCommand.self, CheckCommand.self] as [any ParsableCommand.Type] {
      let help = Promring.helpMessage(for: command, columns: 200)
      for setting in Setting.all {
        let shown = setting.isFlag ? "\(setting.option)/--no-\(setting.name)" : "\(setting.option) <"
        #expect(help.contains(shown), "\(command): \(setting.option)")
      }
    }
  }

  @Test func `options reach their settings`() throws {
    let command = try #require(
      try Promring.parseAsRoot([
        "serve", "--kafka-topic", "a", "--kafka-topic", "^b", "--no-export-timestamps", "--buffer-retention", "1h",
        "--buffer-retention", "2h",
      ]) as? ServeCommand)
    let given = Dictionary(uniqueKeysWithValues: command.options.given.map { ($0.setting.path, $0.texts) })
    #expect(
      given == ["kafka.topic": ["a", "^b"], "export.timestamps": ["false"], "buffer.retention": ["2h"]])
  }

  @Test(arguments: [
    (["serve", "--kafka-borkers", "a"], "Unknown option '--kafka-borkers'. Did you mean '--kafka-brokers'?"),
    (["serve", "--web-threads"], "Missing value for '--web-threads <count>'"),
    (["serve", "extra"], "Unexpected argument 'extra'"),
    (["tail", "--since", "5"], "The value '5' is invalid for '--since <duration>'"),
    (["tail", "--since", "5m", "--from-beginning"], "--since and --from-beginning exclude each other"),
    (["tail", "--limit", "0"], "--limit: 0 is no whole number from 1"),
    (["demo", "--partitions", "0"], "--partitions: 0 is no whole number from 1 to 1024"),
    (["demo", "--kafka-brokers", "a:1"], "Unknown option '--kafka-brokers'"),
  ])
  func `a wrong command line is told in one line, with status 2`(arguments: [String], message: String) {
    do {
      _ = try Promring.parseAsRoot(arguments)
      Issue.record("accepted: \(arguments)")
    } catch {
      let outcome = Outcome(of: error)
      #expect(outcome.status == 2)
      #expect(outcome.text.hasPrefix(message))
      #expect(!outcome.text.contains("\n"))
    }
  }

  @Test(arguments: [["--help"], ["serve", "--help"], ["tail", "-h"], ["help", "demo"], ["--version"]])
  func `help and version are no failure`(arguments: [String]) {
    do {
      var command = try Promring.parseAsRoot(arguments)
      try command.run()
      Issue.record("ran: \(arguments)")
    } catch {
      let outcome = Outcome(of: error)
      #expect(outcome.status == 0)
      #expect(outcome.text.contains(arguments == ["--version"] ? "promring \(ProgramVersion.current)" : "EXAMPLES:"))
    }
  }

  @Test func `wrong settings have status 2, what fails later has status 1`() {
    #expect(Outcome(of: ConfigurationError(.option("--x"), "is wrong")).status == 2)
    #expect(Outcome(of: ConfigurationError(.option("--x"), "is wrong")).text == "--x: is wrong")
    #expect(Outcome(of: ProgramError("no broker")).status == 1)
  }

  @Test func `tail takes its start and form from the command line`() throws {
    let command = try #require(
      try Promring.parseAsRoot(["tail", "--since", "1h30m", "--limit", "3", "--output", "arrays", "--kafka-topic", "t"])
        as? TailCommand)
    #expect(command.since?.duration == .seconds(5400))
    #expect(command.limit == 3)
    #expect(command.output == .arrays)
  }
}

/// The program itself, as a shell would run it.
@Suite struct ProcessTests {
  struct Finished {
    let status: Int32
    let output: String
    let errors: String
  }

  /// Runs the program that was built together with these tests, with no environment but `environment`.
  static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Finished {
    let tests = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let process = Process()
    process.executableURL = URL(filePath: tests).deletingLastPathComponent().appending(path: "promring")
    process.arguments = arguments
    // What a sanitizer is told belongs to the build, not to the program.
    let sanitizer = ProcessInfo.processInfo.environment.filter { $0.key.hasSuffix("SAN_OPTIONS") }
    process.environment = environment.merging(sanitizer) { given, _ in given }
    let (output, errors) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = errors
    try process.run()
    let texts = [output, errors].map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
    process.waitUntilExit()
    return Finished(status: process.terminationStatus, output: texts[0], errors: texts[1])
  }

  @Test func `check says what was given and where, without secrets`() throws {
    let file = FileManager.default.temporaryDirectory.appending(path: "promring-\(UUID()).yaml")
    try "kafka:\n  brokers: a:9092\n  topics: [up]\n  properties: {sasl.password: geheim}\n"
      .write(to: file, atomically: true, encoding: .utf8)
    defer { try? FileManager.default.removeItem(at: file) }
    let checked = try ProcessTests.run(
      ["check", "--config-file", file.path(), "--log-level", "warn"], environment: ["PROMRING_BUFFER_RETENTION": "2h"])
    #expect(checked.status == 0)
    #expect(checked.errors == "")
    #expect(
      checked.output == """
        OK: 6 settings given, all others at their defaults
          config-file = \(file.path())  (--config-file)
          kafka.brokers = a:9092  (\(file.path()):2)
          kafka.topics = up  (\(file.path()):3)
          kafka.properties.sasl.password = <secret>  (\(file.path()):4)
          buffer.retention = 2h  (PROMRING_BUFFER_RETENTION)
          log.level = warning  (--log-level)

        """)
  }

  @Test(arguments: [["check"], ["serve"], ["demo"], ["tail"]])
  func `every command stops at an unknown variable with one line and status 2`(arguments: [String]) throws {
    let stopped = try ProcessTests.run(arguments, environment: ["PROMRING_KAFKA_TOPICS": "a"])
    #expect(stopped.status == 2)
    #expect(stopped.output == "")
    #expect(
      stopped.errors
        == "promring: PROMRING_KAFKA_TOPICS: no setting has this environment variable"
        + "; did you mean PROMRING_KAFKA_TOPIC?\n"
    )
  }
}
