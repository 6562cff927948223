internal import Foundation

/// What is of use in the JSON that librdkafka emits every `statistics.interval.ms` (its `STATISTICS.md`).
package struct ClientStatistics: Decodable, Sendable {
  package struct Window: Decodable, Sendable {
    var avg: Int = 0
    var p99: Int = 0
  }
  package struct Broker: Decodable, Sendable {
    var nodeid: Int32
    var nodename: String
    var state: String
    var txerrs: Int
    var rxerrs: Int
    var rtt: Window?
  }
  package struct Partition: Decodable, Sendable {
    var partition: Int32
    var queueCount: Int?
    var queueSize: Int?

    private enum CodingKeys: String, CodingKey {
      case partition
      case queueCount = "fetchq_cnt"
      case queueSize = "fetchq_size"
    }
  }
  package struct Topic: Decodable, Sendable {
    var topic: String
    var partitions: [String: Partition]
  }
  var brokers: [String: Broker]
  var topics: [String: Topic]?

  package init?(json: String) {
    guard let parsed = try? JSONDecoder().decode(ClientStatistics.self, from: Data(json.utf8)) else { return nil }
    self = parsed
  }

  /// Real brokers by id; bootstrap and logical entries have negative ones.
  package var brokerStatus: [ConsumerSnapshot.Broker] {
    brokers.values.filter { $0.nodeid >= 0 && !$0.nodename.isEmpty }
      .map { broker in
        ConsumerSnapshot.Broker(
          id: broker.nodeid, address: broker.nodename, isUp: broker.state == "UP", state: broker.state,
          roundTripAverage: broker.rtt?.avg ?? 0, roundTrip99: broker.rtt?.p99 ?? 0,
          errors: broker.txerrs + broker.rxerrs)
      }
      .sorted { $0.id < $1.id }
  }

  /// Records and bytes that wait in the workers' queues. The partitions of a worker share its queue and each of them
  /// reports all of it, so one per worker counts.
  package func queued(workerOf: (TopicPartition) -> Int?) -> (records: Int, bytes: Int) {
    var byWorker: [Int: (records: Int, bytes: Int)] = [:]
    for topic in (topics ?? [:]).values {
      for partition in topic.partitions.values {
        guard let worker = workerOf(TopicPartition(topic.topic, partition.partition)) else { continue }
        let seen = byWorker[worker] ?? (0, 0)
        byWorker[worker] = (max(seen.records, partition.queueCount ?? 0), max(seen.bytes, partition.queueSize ?? 0))
      }
    }
    return byWorker.values.reduce(into: (0, 0)) { sum, queue in
      sum.0 += queue.records
      sum.1 += queue.bytes
    }
  }
}
