import ArgumentParser
import Configuration
import Delivery
import Dispatch
import Glibc
import KafkaClient
import Logging
import Wire

struct Deliver: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "From the packed body of a remote write to Kafka's acknowledgement, with librdkafka's cluster in process.",
    discussion: """
      Each request is decoded, filtered, labelled, encoded, compressed and produced, and counts when it is acknowledged. \
      CPU time is told apart by threads: promring's own, the producer's that hands out reports, and librdkafka's with \
      the cluster's.
      """)
  @Option(help: "Series, ten labels each.")
  var series = 100_000
  @Option(help: "Samples in a request, one of a series each, as Prometheus sends them.")
  var requestSamples = 2000
  @Option(help: "Times that each series is sent.")
  var rounds = 20
  @Option(help: "Requests that wait for their acknowledgement at the same time.")
  var concurrency = 8
  @Option(help: "Partitions of the topic.")
  var partitions = 4
  @Option(help: "Samples of a record.")
  var batchSamples = 500

  func run() throws {
    for version in RemoteWriteVersion.allCases {
      try measure(version, version == .version1 ? "v1" : "v2")
    }
  }

  private func measure(_ version: RemoteWriteVersion, _ name: String) throws {
    let requests = WriteRequests.make(version, series: series, perRequest: requestSamples)
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("samples", partitions: partitions)
    var task = DeliveryTask(name: "benchmark")
    var source = DeliveryTask.Source(.remoteWrite)
    source.filter = try TaskLines.filter(["__name__=container_.*", "job=kubernetes-pods|node", "namespace=team-.*"])
    source.labels = try TaskLines.labels(["deliver_test_key1=ssss"])
    task.sources = [source]
    task.target.brokers = cluster.brokers
    task.target.topic = "samples"
    task.batch.samples = batchSamples
    var configuration = ServeConfiguration()
    configuration.delivery.tasks = [task]
    configuration.buffer.futureSkew = .seconds(10 * 365 * 86_400)
    let delivery = try Delivery(configuration, logger: Logger(label: "benchmark"), clock: wallMilliseconds)
    defer { delivery.stop(within: .seconds(10)) }

    while delivery.tasks().contains(where: { $0.state != .running }) { usleep(1000) }
    try send(requests, rounds: 1, version, delivery)  // every series is known from here on
    let before = ThreadTimes.now
    let records = delivery.tasks().reduce(0) { $0 + $1.records }
    let start = ContinuousClock.now
    try send(requests, rounds: rounds, version, delivery)
    let elapsed = start.duration(to: .now)
    let spent = ThreadTimes.now - before
    let samples = Double(series * rounds)
    let made = delivery.tasks().reduce(0) { $0 + $1.records } - records
    print("\(name): \(requests.count * rounds) requests of \(requestSamples) samples, \(made) records, \(spent)")
    report("deliver_\(name)", samples / spent.own, "samples/s of promring's CPU")
    report("deliver_\(name)_reports", spent.reports * 1e9 / samples, "ns/sample")
    report("deliver_\(name)_librdkafka", spent.librdkafka * 1e9 / samples, "ns/sample")
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    report("deliver_\(name)_wall", samples / seconds, "samples/s")
  }

  /// Sends all requests and waits for the last acknowledgement.
  private func send(
    _ requests: [[UInt8]], rounds: Int, _ version: RemoteWriteVersion, _ delivery: Delivery
  ) throws {
    let free = DispatchSemaphore(value: concurrency)
    for _ in 0..<rounds {
      for request in requests {
        free.wait()
        delivery.write(request, as: version, to: .everyTask) { outcome in
          free.signal()
          precondition(outcome.verdict == .delivered, "a request of the benchmark is refused: \(outcome.verdict)")
        }
      }
    }
    for _ in 0..<concurrency { free.wait() }
    for _ in 0..<concurrency { free.signal() }
  }
}
