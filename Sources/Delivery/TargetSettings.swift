internal import Configuration
internal import KafkaClient
internal import TimeSeries

/// Everything that a target is made of; two tasks' targets are alike if this is.
struct TargetSettings: Sendable {
  let client: ClientSettings
  let topic: String
  let idempotence: DeliveryTask.Target.Idempotence
  let batch: DeliveryTask.Batch
  /// How long a record is tried to be delivered.
  let deliveryTimeout: Duration
  let metadataInterval: Duration
  /// Text that a record may have, so that its block stays below what librdkafka takes (`message.max.bytes`) even if it
  /// cannot be compressed: Snappy adds a sixth at most.
  let recordBytesMax: Int

  /// - Parameter kafka: stands in where the task names no brokers.
  init(
    _ task: DeliveryTask, kafka: ServeConfiguration.Kafka, deliveryTimeout: Duration, log: @escaping ClientLog
  ) throws(SettingsError) {
    let isOwn = !task.target.brokers.isEmpty
    var properties = isOwn ? [:] : kafka.properties.mapValues(\.value)
    for (name, property) in task.target.properties { properties[name] = property.value }
    client = try ClientSettings(
      brokers: isOwn ? task.target.brokers : kafka.brokers, properties: properties, log: log)
    topic = task.target.topic
    idempotence = task.target.idempotence
    batch = task.batch
    self.deliveryTimeout = deliveryTimeout
    metadataInterval = kafka.metadataInterval
    let messageMax = properties["message.max.bytes"].flatMap { Int($0) } ?? 1_000_000
    recordBytesMax = max(min(task.batch.bytes, (messageMax - 1024) / 7 * 6), 1 << 10)
  }
}

extension TargetSettings: Equatable {
  static func == (a: TargetSettings, b: TargetSettings) -> Bool {
    a.client.brokers == b.client.brokers && a.client.properties == b.client.properties && a.topic == b.topic
      && a.idempotence == b.idempotence && a.batch == b.batch && a.deliveryTimeout == b.deliveryTimeout
  }
}
