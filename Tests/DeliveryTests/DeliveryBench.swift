import Configuration
import Foundation
import KafkaClient
import Logging
import Testing
import TimeSeries
import Wire

@testable import Delivery

/// A delivery, and librdkafka's in-process cluster that it delivers to.
final class DeliveryBench: Sendable {
  static let now: Int64 = 1_700_000_000_000
  static let topic = "samples"
  let cluster: EmbeddedCluster
  let delivery: Delivery

  /// - Parameter tasks: of the configuration file; their targets are topics of the cluster.
  init(
    _ tasks: [DeliveryTask] = [task("t")], partitions: Int = 1, change: (inout ServeConfiguration) -> Void = { _ in }
  ) throws {
    cluster = try EmbeddedCluster()
    for topic in Set(tasks.map(\.target.topic) + [Self.topic]) {
      try cluster.createTopic(topic, partitions: partitions)
    }
    delivery = try Self.delivery(tasks, cluster, change: change)
    #expect(eventually { self.delivery.tasks().allSatisfy { [.running, .stopped].contains($0.state) } })
  }

  deinit {
    delivery.stop(within: .seconds(5))
    cluster.close()
  }

  static func delivery(
    _ tasks: [DeliveryTask], _ cluster: EmbeddedCluster, change: (inout ServeConfiguration) -> Void = { _ in }
  ) throws -> Delivery {
    var configuration = ServeConfiguration()
    configuration.kafka.brokers = cluster.brokers
    configuration.kafka.properties = quickProperties
    configuration.delivery.tasks = tasks
    change(&configuration)
    return try Delivery(
      configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, clock: { Self.now })
  }

  /// A task with one source for remote writes, on the gateway's own brokers.
  static func task(
    _ name: String, filter: [String] = [], labels: [String] = [], change: (inout DeliveryTask) -> Void = { _ in }
  ) -> DeliveryTask {
    var task = DeliveryTask(name: name)
    var source = DeliveryTask.Source(.remoteWrite)
    do {
      source.filter = try TaskLines.filter(filter)
      source.labels = try TaskLines.labels(labels)
    } catch {
      Issue.record("\(error)")
    }
    task.sources = [source]
    task.target.topic = topic
    task.batch.linger = .milliseconds(1)
    change(&task)
    return task
  }

  /// Sends a request and waits for its answer.
  func write(
    _ body: [UInt8], as version: RemoteWriteVersion = .version1, to address: WriteAddress = .everyTask
  ) -> WriteOutcome {
    delivery.answer(to: body, as: version, address)
  }

  func status(_ name: String = "t") throws -> TaskStatus { try #require(delivery.task(name)) }
}

extension Delivery {
  func answer(
    to body: [UInt8], as version: RemoteWriteVersion = .version1, _ address: WriteAddress = .everyTask
  ) -> WriteOutcome {
    let answer = Monitor(WriteOutcome?.none)
    write(body, as: version, to: address) { outcome in answer.update { $0 = outcome } }
    return answer.wait(until: Deadline(in: .seconds(40))) { $0 }
      ?? WriteOutcome(verdict: .unknown("there was no answer"))
  }
}

let quickProperties = [
  "fetch.wait.max.ms": KafkaProperty("10"), "reconnect.backoff.ms": KafkaProperty("20"),
  "reconnect.backoff.max.ms": KafkaProperty("100"),
]

/// Asks again every few milliseconds: for conditions that nothing announces.
func eventually(within limit: Duration = .seconds(40), _ condition: () -> Bool) -> Bool {
  let deadline = Deadline(in: limit)
  let never = Monitor(())
  while !condition() {
    if deadline.hasPassed { return false }
    _ = never.wait(until: Deadline(in: .milliseconds(5))) { _ in Bool?.none }
  }
  return true
}

// MARK: Reading back

/// A record as a consumer sees it that knows nothing but the documentation.
struct PlainRecord: Sendable {
  var partition: Int32
  var key: String
  var timestamp: Int64?
  var text: String
  /// The array's objects.
  var samples: [[String: String]]
}

/// Reads a topic from its beginning.
final class PlainReader: Sendable {
  private let records = Monitor([PlainRecord]())
  private let pool: ConsumerPool

  init(_ bench: DeliveryBench, _ topic: String = DeliveryBench.topic) throws {
    let records = records
    pool = try ConsumerPool(
      settings: ClientSettings(brokers: bench.cluster.brokers, properties: quickProperties.mapValues(\.value)),
      options: ConsumerOptions(topics: [topic], threads: 1, discoveryInterval: .milliseconds(200)),
      makeProcessor: { _ in Processor(records: records) })
  }

  deinit { pool.stop(within: .seconds(20)) }

  /// Waits until there are so many samples.
  func wait(samples count: Int) -> [PlainRecord] {
    let found = records.wait(until: Deadline(in: .seconds(40))) { records in
      records.reduce(0) { $0 + $1.samples.count } >= count ? records : nil
    }
    return found ?? records.withLock { $0 }
  }

  private struct Processor: RecordProcessor {
    let records: Monitor<[PlainRecord]>

    mutating func process(_ batch: borrowing RecordBatch) {
      var new: [PlainRecord] = []
      batch.forEachRecord { record in
        guard let value = record.value, let text = try? Snappy.decompress(value, bytesMax: 64 << 20),
          let samples = try? JSONSerialization.jsonObject(with: Data(text)) as? [[String: String]]
        else {
          Issue.record("a record is no Snappy block of an array of flat objects whose values are texts")
          return
        }
        new.append(
          PlainRecord(
            partition: record.source.partition, key: record.key.map { String(decoding: $0, as: UTF8.self) } ?? "",
            timestamp: record.timestamp, text: String(decoding: text, as: UTF8.self), samples: samples))
      }
      records.update { $0 += new }
    }
  }
}
