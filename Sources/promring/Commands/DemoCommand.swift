internal import ArgumentParser
internal import Configuration

struct DemoCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "demo",
    abstract: "Run everything in one process: a Kafka, metrics of this machine, and the gateway that serves them.",
    discussion: """
      Nothing needs to be installed or running. Settings that name a Kafka are not used: the demo brings its own.

      EXAMPLES:
        promring demo
        promring demo --web-listen-address 127.0.0.1:0 --interval 500ms
      """)

  @Option(help: ArgumentHelp("How often this machine is measured.", valueName: "duration"))
  var interval = DurationArgument(.seconds(1))

  @Option(help: ArgumentHelp("Partitions of the topic.", valueName: "count"))
  var partitions = 4

  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "Buffer Options") var buffer: BufferOptions
  @OptionGroup(title: "Export Options") var export: ExportOptions
  @OptionGroup(title: "Query Options") var query: QueryOptions
  @OptionGroup(title: "Delivery Options") var delivery: DeliveryOptions
  @OptionGroup(title: "Web Options") var web: WebOptions

  func validate() throws {
    guard (1...1024).contains(partitions) else {
      throw ValidationError("--partitions: \(partitions) is no whole number from 1 to 1024")
    }
    guard interval.duration >= .milliseconds(10) else {
      throw ValidationError("--interval: \(interval) is out of range, 10ms or more")
    }
  }

  func run() throws {
    let given = common.given + buffer.given + export.given + query.given + delivery.given + web.given
    let loaded = try ConfigurationLoader(options: given).load(needsKafka: false)
    try WebConfigLoader.check(loaded.configuration)
    let demo = DemoConfiguration(gateway: loaded.configuration, interval: interval.duration, partitions: partitions)
    try ProgramContext.run(loaded.configuration) { context in
      try Programs.demo(demo, context)
    }
  }
}

struct DemoConfiguration: Sendable, Equatable {
  /// Brokers and topics in it are to be replaced by those of the embedded cluster.
  var gateway: ServeConfiguration
  var interval: Duration
  var partitions: Int
}

/// A duration in Prometheus' notation on the command line.
struct DurationArgument: ExpressibleByArgument, CustomStringConvertible {
  let duration: Duration

  init(_ duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = DurationText.parse(argument) else { return nil }
    self.duration = duration
  }

  var description: String { DurationText.string(duration) }
  var defaultValueDescription: String { description }
}
