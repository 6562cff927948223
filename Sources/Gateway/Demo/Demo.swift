public import Configuration
internal import Foundation
public import HTTPServer
internal import KafkaClient
public import Logging
internal import TimeSeries
internal import Wire

/// Both sides of the house in one process, with real data and nothing to install: librdkafka's in-process cluster, a
/// producer of this machine's metrics and promring's own, and the gateway that serves what comes back.
public final class Demo: Sendable {
  public static let topic = "promring-demo"

  private let cluster: EmbeddedCluster
  private let producer: Producer
  private let gateway: Gateway
  private let ticker: Ticker

  public var address: HTTPServer.ListenAddress { gateway.address }
  public var isReady: Bool { gateway.isReady && gateway.seriesCount > 0 }

  /// - Parameters:
  ///   - configuration: its Kafka settings are replaced by the embedded cluster's.
  ///   - interval: how often the machine is measured.
  public init(
    _ configuration: ServeConfiguration, interval: Duration, partitions: Int, logger: Logger, description: [UInt8]
  ) throws(Gateway.StartError) {
    do {
      cluster = try EmbeddedCluster()
      try cluster.createTopic(Self.topic, partitions: partitions)
      var configuration = configuration
      configuration.kafka.brokers = cluster.brokers
      configuration.kafka.topics = [Self.topic]
      configuration.kafka.mode = .all
      // The in-process cluster sleeps this long before it answers that there is nothing new.
      configuration.kafka.properties = [
        "fetch.wait.max.ms": KafkaProperty("20"), "allow.auto.create.topics": KafkaProperty("true"),
      ]
      let host = HostMetrics()
      for (name, declaration) in host.declarations() {
        let type = ServeConfiguration.MetricDescription.MetricType(rawValue: declaration.type.rawValue)
        configuration.export.metrics[name] = .init(type: type ?? .untyped, help: declaration.help ?? "")
      }
      let gateway = try Gateway(configuration, logger: logger, description: description, offsetsFromEarliest: true)
      self.gateway = gateway
      let producer = try Producer(
        settings: ClientSettings(brokers: cluster.brokers, clientID: "promring-demo"),
        options: ProducerOptions(isIdempotent: false))
      self.producer = producer
      let topic = try producer.topic(Self.topic)
      let source = DemoSource(host: host, gateway: gateway, partitions: partitions)
      let milliseconds = Int(interval.wholeMilliseconds)
      ticker = Ticker(every: .milliseconds(milliseconds)) {
        for (partition, record) in source.measure() {
          _ = record.bytes.withUnsafeBytes { bytes in
            producer.produce(
              to: topic, partition: Int32(partition), key: nil, value: bytes, timestamp: record.timestamp)
          }
        }
      }
    } catch {
      throw Gateway.StartError(error)
    }
  }

  public func stop(within limit: Duration) {
    ticker.stop()
    gateway.stop(within: limit * 0.8)
    producer.close(within: limit * 0.1)
    cluster.close()
  }
}

/// Measures this machine and the program, and puts the samples into records of the delivered format.
private struct DemoSource: Sendable {
  let host: HostMetrics
  let gateway: Gateway
  let partitions: Int
  private let hostName = ProcessInfo.processInfo.hostName

  init(host: HostMetrics, gateway: Gateway, partitions: Int) {
    self.host = host
    self.gateway = gateway
    self.partitions = partitions
  }

  /// A record for each partition that gets samples. A series stays in one partition.
  func measure() -> [(partition: Int, record: (bytes: [UInt8], timestamp: Int64))] {
    let now = WallClock.milliseconds
    var samples: [[(LabelSet, Double)]] = Array(repeating: [], count: partitions)
    func add(_ labels: [Label], _ value: Double) {
      let set = LabelSet(labels)
      samples[Int(set.stableHash % UInt64(partitions))].append((set, value))
    }
    let node = [Label("job", "node"), Label("instance", hostName)]
    host.collect { add([Label(Label.metricName, $0.name)] + $0.labels + node, $0.value) }
    let promring = [Label("job", "promring"), Label("instance", "\(gateway.address)")]
    for sample in gateway.ownMetrics().samples { add(sample.labels.labels + promring, sample.value) }

    var encoder = DeliveredEncoder()
    return samples.enumerated().filter { !$0.element.isEmpty }.map { partition, samples in
      for (labels, value) in samples {
        labels.withLabelBytes { encoder.append(labels: $0, value: value, timestamp: now) }
      }
      return (partition, (encoder.takeRecord(), now))
    }
  }
}

extension LabelSet {
  /// The same in every process (FNV-1a, 64 bits): it decides the partition of a series.
  fileprivate var stableHash: UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for label in labels {
      for text in [label.name, label.value] {
        for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ 0xFF) &* 0x100_0000_01b3
      }
    }
    return hash
  }
}
