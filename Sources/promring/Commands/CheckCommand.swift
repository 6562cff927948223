internal import ArgumentParser
internal import Configuration
internal import Foundation

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check a configuration without starting anything.",
    discussion: """
      Takes what serve takes, reads options, environment and file the same way, asks librdkafka about its \
      properties, and prints what was given and where; or the first thing that is wrong, with exit status 2. \
      Passwords are not shown.

      EXAMPLES:
        promring check --config-file /etc/promring.yaml
        promring check --config-file /etc/promring.yaml --yaml
            Print the settings in force, defaults among them, as a YAML file.
        promring check --config-file /etc/promring.yaml --output json
      """)

  enum Output: String, ExpressibleByArgument, CaseIterable { case text, json }

  @Flag(help: "Print all settings in force as a YAML file.")
  var yaml = false

  @Option(name: [.short, .long], help: "Form of what was given.")
  var output = Output.text

  @OptionGroup var options: ServeOptions

  func run() throws {
    let loaded = try ConfigurationLoader(options: options.given).load()
    try WebConfigLoader.check(loaded.configuration)
    print(
      try output == .json ? CheckCommand.json(on: loaded) : CheckCommand.report(on: loaded, yaml: yaml), terminator: "")
  }

  func validate() throws {
    if yaml, output == .json { throw ValidationError("--yaml and --output json exclude each other") }
  }

  /// `{"settings":[{"key":…,"origin":…,"value":…}],"tasks":[…]}`; the origin names option, variable, or file and line.
  static func json(on loaded: LoadedConfiguration) throws -> String {
    struct Report: Encodable {
      struct Given: Encodable {
        let key: String
        let value: String
        let origin: String
      }

      let settings: [Given]
      let tasks: [String]
    }
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let report = Report(
      settings: loaded.given.map { .init(key: $0.key, value: $0.value, origin: place($0.origin)) },
      tasks: loaded.configuration.delivery.tasks.map(\.name))
    return String(decoding: try encoder.encode(report), as: UTF8.self) + "\n"
  }

  static func report(on loaded: LoadedConfiguration, yaml: Bool) -> String {
    if yaml { return loaded.configuration.yaml }
    let given = loaded.given
    let lines = given.map { "  \($0.key) = \($0.value)  (\(place($0.origin)))\n" }
    return "OK: \(given.count) settings given, all others at their defaults\n" + lines.joined()
      + loaded.configuration.delivery.tasks.map(line).joined()
  }

  private static func line(on task: DeliveryTask) -> String {
    let sources = task.sources.map { source in
      let kind =
        switch source.kind {
        case .remoteWrite: "remote writes"
        case .scrape(let scrape): "\(scrape.urls.count) pages"
        }
      let name = source.name.isEmpty ? "" : " \(source.name)"
      return "\(kind)\(name) (\(source.filter.count) filter lines, \(source.labels.count) label lines)"
    }
    let place = task.target.brokers.isEmpty ? "" : " at \(task.target.brokers.joined(separator: ","))"
    let state = task.isStarted ? "" : ", stopped"
    return "  delivery task \(task.name): from \(sources.joined(separator: ", ")) to topic \(task.target.topic)\(place)"
      + "\(state)\n"
  }

  /// The key stands in front already.
  private static func place(_ origin: Origin) -> String {
    if case .file(let path, let line, _, _) = origin { "\(path):\(line)" } else { "\(origin)" }
  }
}
