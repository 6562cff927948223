public import Configuration
internal import Foundation
public import HTTPServer
internal import KafkaClient
public import Logging
internal import TimeSeries
internal import Wire

/// Both sides of the house in one process, with real data and nothing to install: librdkafka's in-process cluster, a
/// delivery task that this machine's metrics and promring's own go through, and the gateway that serves what comes back.
public final class Demo: Sendable {
  public static let topic = "promring-demo"
  /// The name of the delivery task; remote writes may go to it, too.
  public static let task = "demo"

  private let cluster: EmbeddedCluster
  private let gateway: Gateway
  private let ticker: Ticker

  public var address: HTTPServer.ListenAddress { gateway.address }
  public var speaksTLS: Bool { gateway.speaksTLS }
  public var isReady: Bool { gateway.isReady && gateway.seriesCount > 0 }

  /// - Parameters:
  ///   - configuration: its Kafka settings are replaced by the embedded cluster's.
  ///   - interval: how often the machine is measured.
  public init(
    _ configuration: ServeConfiguration, interval: Duration, partitions: Int, logger: Logger, description: [UInt8],
    webConfig: WebConfigLoader? = nil
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
      configuration.delivery.tasks.removeAll { $0.name == Self.task }
      configuration.delivery.tasks.append(Self.deliveryTask(brokers: cluster.brokers))
      let gateway = try Gateway(
        configuration, logger: logger, description: description, webConfig: webConfig,
        offsetsFromEarliest: true)
      self.gateway = gateway
      let source = DemoSource(host: host, gateway: gateway)
      ticker = Ticker(every: .milliseconds(Int(interval.wholeMilliseconds))) {
        gateway.offer(source.measure(), to: Self.task)
      }
    } catch {
      throw Gateway.StartError(error)
    }
  }

  private static func deliveryTask(brokers: [String]) -> DeliveryTask {
    var task = DeliveryTask(name: Self.task)
    task.description = "This machine's metrics and promring's own; remote writes, too"
    task.sources = [DeliveryTask.Source(.remoteWrite)]
    task.target.brokers = brokers
    task.target.topic = topic
    return task
  }

  public func stop(within limit: Duration) {
    ticker.stop()
    gateway.stop(within: limit * 0.9)
    cluster.close()
  }
}

/// Measures this machine and the program.
private struct DemoSource: Sendable {
  let host: HostMetrics
  let gateway: Gateway
  private let hostName = ProcessInfo.processInfo.hostName

  init(host: HostMetrics, gateway: Gateway) {
    self.host = host
    self.gateway = gateway
  }

  func measure() -> [(labels: LabelSet, timestamp: Int64, value: Double)] {
    let now = WallClock.milliseconds
    var samples: [(labels: LabelSet, timestamp: Int64, value: Double)] = []
    let node = [Label("job", "node"), Label("instance", hostName)]
    host.collect {
      samples.append((LabelSet([Label(Label.metricName, $0.name)] + $0.labels + node), now, $0.value))
    }
    let promring = [Label("job", "promring"), Label("instance", "\(gateway.address)")]
    for sample in gateway.ownMetrics().samples {
      samples.append((LabelSet(sample.labels.labels + promring), now, sample.value))
    }
    return samples
  }
}
