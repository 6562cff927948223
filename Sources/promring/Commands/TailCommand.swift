internal import ArgumentParser
internal import Configuration

struct TailCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "tail",
    abstract: "Print the samples of topics as they come, decoded.",
    discussion: """
      Prints time, value and series of each sample on a terminal, and elsewhere one JSON object for each, as it was \
      delivered: {"__name__":"up","job":"node","value":"1","timestamp":"1698732988354"}. No consumer group is joined \
      and no offset committed. Records that cannot be decoded are reported on standard error.

      EXAMPLES:
        promring tail --kafka-brokers kafka:9092 --kafka-topic metrics
            Print what comes from now on.
        promring tail --kafka-brokers kafka:9092 --kafka-topic metrics \\
            --since 5m --until-end
            Print the last five minutes, then stop.
        promring tail --kafka-brokers kafka:9092 --kafka-topic metrics \\
            --from-beginning --limit 1 --output arrays
            Print the oldest record.
      """)

  @Option(help: ArgumentHelp("Begin with records of this age instead of new ones.", valueName: "duration"))
  var since: DurationArgument?

  @Flag(help: "Begin with the oldest records that Kafka holds.")
  var fromBeginning = false

  @Flag(help: "Stop at the end of the topic as it is at the start, instead of waiting for more.")
  var untilEnd = false

  @Option(help: ArgumentHelp("Stop after so many lines.", valueName: "count"))
  var limit: Int?

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "What a line is: a sample for people (table), its JSON object (json), the array of a record (arrays). (default: "
        + "table on a terminal, json elsewhere)"))
  var output: TailConfiguration.Output?

  @OptionGroup var common: CommonOptions
  @OptionGroup(title: "Kafka Options") var kafka: KafkaOptions

  func validate() throws {
    if since != nil, fromBeginning { throw ValidationError("--since and --from-beginning exclude each other") }
    if let limit, limit < 1 { throw ValidationError("--limit: \(limit) is no whole number from 1") }
  }

  func run() throws {
    let loaded = try ConfigurationLoader(options: common.given + kafka.given).load()
    let start: TailConfiguration.Start = since.map { .age($0.duration) } ?? (fromBeginning ? .beginning : .end)
    let tail = TailConfiguration(
      kafka: loaded.configuration.kafka, record: loaded.configuration.record, start: start, untilEnd: untilEnd,
      limit: limit, output: output ?? (Terminal.output.isTerminal ? .table : .json))
    try ProgramContext.run(loaded.configuration) { context in
      try Programs.tail(tail, context)
    }
  }
}

struct TailConfiguration: Sendable, Equatable {
  enum Start: Sendable, Equatable {
    case beginning, end
    /// Records not older than this.
    case age(Duration)
  }
  enum Output: String, Sendable, CaseIterable, ExpressibleByArgument {
    /// Time, value and series of a sample.
    case table
    /// One JSON object a line for each sample.
    case json
    /// One JSON array a line for each record.
    case arrays
  }

  var kafka: ServeConfiguration.Kafka
  var record: ServeConfiguration.Record
  var start: Start
  /// Whether to stop at the high watermarks seen at the start.
  var untilEnd: Bool
  /// Lines after which to stop.
  var limit: Int?
  var output: Output
}
