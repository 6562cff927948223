import ArgumentParser

@main
struct Promring: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A gateway between Kafka and everything that speaks Prometheus.")
}
