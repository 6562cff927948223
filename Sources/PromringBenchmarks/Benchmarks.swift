import ArgumentParser

/// Benchmarks as a program: each prints what it measures as it goes and ends in lines `result name=… value=… unit=…`.
@main
struct Benchmarks: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "PromringBenchmarks",
    abstract: "What the decode path, the buffer and queries reach on this machine, one thread unless said otherwise.",
    subcommands: [
      Decode.self, Append.self, Ingest.self, RemoteWrite.self, Exposition.self, Deliver.self, Query.self, Threads.self,
      Growth.self, Churn.self, Gate.self,
    ])
}

/// What all benchmarks of the decode path share.
struct Load: ParsableArguments {
  @Option(help: "Series, made like those of a Kubernetes cluster.")
  var series = 100_000
  @Option(help: "Rounds: each series gets one sample a round, 15 s apart.")
  var rounds = 20
  @Option(help: "Samples in a record.")
  var recordSamples = 500
  @Flag(help: "Shuffle the samples of each round, so that no sample foretells the next.")
  var shuffled = false
}
