internal import ArgumentParser
internal import Configuration

struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Read samples from Kafka and serve them over HTTP until SIGTERM.",
    discussion: """
      \(settingsDiscussion)

      EXAMPLES:
        promring serve --kafka-brokers kafka-1:9092,kafka-2:9092 --kafka-topic up
        promring serve --config-file /etc/promring.yaml --buffer-retention 2h
        promring serve --kafka-brokers kafka:9092 --kafka-topic '^metrics-.*'
        promring serve --kafka-brokers kafka:9093 --kafka-topic metrics \\
            --kafka-property security.protocol=sasl_ssl \\
            --kafka-property sasl.mechanism=PLAIN \\
            --kafka-property sasl.username=reader \\
            --kafka-property-file sasl.password=/run/secrets/kafka
      """)

  @OptionGroup var options: ServeOptions

  func run() throws {
    let loader = ConfigurationLoader(options: options.given)
    let configuration = try loader.load().configuration
    try WebConfigLoader.check(configuration)
    try Serve.run(configuration) { try loader.load().configuration }
  }
}

enum Serve {
  static func run(_ configuration: ServeConfiguration, load: @escaping @Sendable () throws -> ServeConfiguration) throws
  {
    try ProgramContext.run(configuration) { context in
      try Programs.serve(configuration, context, load: load)
    }
  }
}
