import Foundation
import KafkaClient
import Testing

/// The same against a broker that is not librdkafka's own, at `PROMRING_TEST_BROKERS` (`host:port,…`): what the
/// in-process cluster cannot do. Topics are made by writing to them, so the broker has to allow that.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["PROMRING_TEST_BROKERS"] != nil))
struct RealBrokerTests {
  private let settings: ClientSettings
  private let prefix = "promring-test-\(UInt64.random(in: 0..<1 << 40))"

  init() throws {
    let brokers = ProcessInfo.processInfo.environment["PROMRING_TEST_BROKERS"] ?? ""
    settings = try ClientSettings(brokers: brokers.split(separator: ",").map(String.init), clientID: "promring-test")
  }

  /// Writes records with these timestamps to partition 0 and waits for their reports.
  private func produce(_ timestamps: [Int64], to topic: String, value: String? = "v") throws {
    let failed = Monitor([KafkaError]())
    let producer = try Producer(settings: settings, options: ProducerOptions(isIdempotent: false)) { reports in
      failed.withLock { $0 += reports.compactMap(\.error) }
    }
    let target = try producer.topic(topic)
    for timestamp in timestamps {
      withBytes(value) { value in
        _ = producer.produce(to: target, partition: 0, key: nil, value: value, timestamp: timestamp)
      }
    }
    #expect(producer.close(within: .seconds(30)))
    #expect(failed.withLock { $0 } == [])
  }

  private func pool(_ options: ConsumerOptions, into sink: Sink) throws -> ConsumerPool {
    try ConsumerPool(settings: settings, options: options) { SinkProcessor(sink: sink, worker: $0) }
  }

  /// Not so old that the broker's retention would take it.
  private let base = Int64(Date().timeIntervalSince1970 * 1000) - 600_000

  /// Where the window starts, in milliseconds after the first of ten records, one a second.
  @Test(arguments: [(nil, 0), (-1000, 0), (0, 0), (4500, 5), (9000, 9), (9001, 10)] as [(Int64?, Int64)])
  func `reading starts at the first record of the window`(start: Int64?, offset: Int64) throws {
    let topic = prefix + "-window"
    let base = base
    try produce((0..<10).map { base + $0 * 1000 }, to: topic)
    var options = ConsumerOptions.quick(topic)
    options.startTimestamp = { start.map { base + $0 } }
    let sink = Sink()
    let pool = try pool(options, into: sink)
    #expect(eventually { pool.snapshot().isReplayed })
    let partition = pool.snapshot().partitions.first
    #expect(partition?.start == offset)
    #expect(partition?.target == 10)
    #expect(partition?.lowWatermark == 0)
    #expect(sink.records.map(\.offset) == Array(offset..<10))
    try produce([base + 20_000], to: topic, value: nil)
    #expect(pool.waitUntilApplied(within: .seconds(20)) == .applied)
    #expect(sink.records.last?.value == nil)
    #expect(sink.records.last?.offset == 10)
    #expect(eventually { pool.snapshot().partitions.first?.lag == 0 })
    #expect(pool.snapshot().trouble == nil)
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `two members of a group hold everything between them, and one alone after that`() throws {
    let names = (0..<4).map { "\(prefix)-share-\($0)" }
    for name in names { try produce([base, base, base], to: name) }
    let options = ConsumerOptions.quick("^\(prefix)-share-", mode: .group(prefix))
    let (one, two) = (Sink(), Sink())
    let first = try pool(options, into: one)
    #expect(eventually { first.snapshot().partitions.count == 4 && first.snapshot().isReplayed })
    #expect(one.records.count == 12)
    let second = try pool(options, into: two)
    #expect(eventually { first.snapshot().partitions.count == 2 && second.snapshot().partitions.count == 2 })
    #expect(eventually { second.snapshot().isReplayed })
    #expect(two.records.count == 6, "a share is read from the window's edge, whatever was committed")
    #expect(first.stop(within: .seconds(20)))
    #expect(eventually { second.snapshot().partitions.count == 4 && second.snapshot().isReplayed })
    #expect(two.records.count == 12)
    #expect(second.snapshot().trouble == nil)
    #expect(second.stop(within: .seconds(20)))
  }

  @Test func `a record is applied soon after it is acknowledged`() throws {
    let topic = prefix + "-delay"
    try produce([base], to: topic)
    let sink = Sink()
    let pool = try pool(ConsumerOptions(topics: [topic]), into: sink)
    #expect(eventually { pool.snapshot().isReplayed })
    let acknowledged = Monitor(0)
    let producer = try Producer(settings: settings, options: ProducerOptions(isIdempotent: false, linger: .zero)) {
      reports in acknowledged.update { $0 += reports.count }
    }
    let target = try producer.topic(topic)
    let clock = ContinuousClock()
    var delays: [Duration] = []
    for round in 1...50 {
      _ = withBytes("v") { producer.produce(to: target, partition: 0, key: nil, value: $0) }
      #expect(acknowledged.wait(until: Deadline(in: .seconds(20))) { $0 == round ? true : nil } == true)
      delays.append(clock.measure { #expect(sink.wait { $0.count == round + 1 }) })
    }
    delays.sort()
    #expect(delays[25] < .milliseconds(50))
    print("applied after the acknowledgement: median \(delays[25]), worst \(delays[49])")
    #expect(producer.close(within: .seconds(20)))
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a missing topic is told, and read once it is there`() throws {
    let topic = prefix + "-late"
    let sink = Sink()
    let pool = try pool(.quick(topic), into: sink)
    #expect(eventually { pool.snapshot().trouble?.cause == .topicMissing })
    try produce([base], to: topic)
    #expect(sink.wait { $0.count == 1 })
    #expect(eventually { pool.snapshot().isReplayed && pool.snapshot().trouble == nil })
    #expect(pool.stop(within: .seconds(20)))
  }
}
