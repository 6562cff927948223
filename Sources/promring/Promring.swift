internal import ArgumentParser
internal import Configuration
internal import Glibc

@main
struct Promring: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "promring",
    abstract: "A gateway between Kafka and everything that speaks Prometheus.",
    discussion: """
      Reads Prometheus samples from Kafka topics, keeps the recent ones in memory and serves them over HTTP: a page \
      to scrape, the Prometheus API, raw samples.

      EXAMPLES:
        promring demo
            Try it out: a Kafka inside the process, metrics of this machine.
        promring serve --kafka-brokers kafka:9092 --kafka-topic metrics
        promring serve --config-file /etc/promring.yaml
        promring check --config-file /etc/promring.yaml
            Say what is wrong with a configuration, or what is in force.
        promring tail --kafka-brokers kafka:9092 --kafka-topic metrics
            Print samples as they come.
        promring query 'sum by (job) (up)'
            Ask a running gateway.

      EXIT STATUS: 0 after an orderly end, 1 when something failed, 2 for a wrong command line or configuration.
      """,
    version: "promring \(ProgramVersion.current)",
    subcommands: [
      ServeCommand.self, DemoCommand.self, CheckCommand.self, QueryCommand.self, SamplesCommand.self, TailCommand.self,
      CompletionCommand.self,
    ])

  static func main() {
    Allocator.configure()
    Glibc.exit(run(Array(CommandLine.arguments.dropFirst())))
  }

  /// Runs a command line without the program's name; returns the status to exit with.
  static func run(_ arguments: [String]) -> Int32 {
    do {
      var command = try parseAsRoot(arguments)
      try command.run()
      return ExitStatus.success
    } catch {
      let outcome = Outcome(of: error)
      if outcome.status == ExitStatus.success {
        print(outcome.text)
      } else {
        StandardError.write("promring: \(outcome.text)\n")
      }
      return outcome.status
    }
  }
}

enum ExitStatus {
  static let success: Int32 = 0
  static let failure: Int32 = 1
  /// The command line or the configuration is wrong.
  static let usage: Int32 = 2
}

/// How the program ends by an error, which may be a wish for help: what it says, and with which status it exits.
struct Outcome: Equatable {
  let status: Int32
  let text: String

  init(of error: any Error) {
    switch error {
    case let error as ConfigurationError:
      self.init(status: ExitStatus.usage, text: "\(error)")
    case let error as ProgramError:
      self.init(status: ExitStatus.failure, text: "\(error)")
    default:
      if Promring.exitCode(for: error) == .success {
        self.init(status: ExitStatus.success, text: Promring.fullMessage(for: error))
      } else {
        // Usage and hints that the parser adds would hide the one line that matters.
        let line = Promring.message(for: error).split(whereSeparator: \.isNewline).joined(separator: " ")
        self.init(status: ExitStatus.usage, text: line)
      }
    }
  }

  private init(status: Int32, text: String) {
    self.status = status
    self.text = text
  }
}

/// Something that ends the program although its command line and configuration are right.
struct ProgramError: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}
