import KafkaClient
import Testing

/// Mode `all` against librdkafka's in-process cluster. One at a time: the machine may be small.
@Suite(.serialized) struct ConsumerPoolTests {
  @Test func `every record of every partition is applied once, by several threads`() throws {
    let cluster = try EmbeddedCluster(brokers: 2)
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 6)
    try cluster.createTopic("other", partitions: 2)
    for partition in 0..<6 {
      try cluster.produce((0..<50).map { "\(partition)/\($0)" }, to: "t", partition: Int32(partition))
    }
    try cluster.produce(["x"], to: "other", partition: 1)
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t", "other", threads: 3), into: sink)
    #expect(sink.wait { $0.count >= 301 })
    let records = sink.records
    #expect(Set(records.map { "\($0.topic)/\($0.partition)/\($0.offset)" }).count == records.count)
    for partition in 0..<6 as Range<Int32> {
      let own = records.filter { $0.topic == "t" && $0.partition == partition }
      #expect(own.map(\.offset) == Array(0..<50))
      #expect(own.map(\.value) == (0..<50).map { "\(partition)/\($0)" })
      #expect(Set(own.map(\.worker)).count == 1, "a partition is one worker's")
    }
    #expect(Set(records.map(\.worker)) == [0, 1, 2])
    #expect(eventually { pool.snapshot().isReplayed })
    #expect(eventually { pool.snapshot().brokers.filter(\.isUp).map(\.address) == cluster.brokers })
    let snapshot = pool.snapshot()
    #expect(snapshot.partitions.count == 8)
    #expect(snapshot.records == 301)
    #expect(snapshot.bytes == records.reduce(0) { $0 + ($1.value?.utf8.count ?? 0) })
    #expect(snapshot.partitions.allSatisfy { $0.lag == 0 && $0.state == .reading && $0.error == nil })
    #expect(snapshot.replayProgress == 1)
    #expect(snapshot.trouble == nil)
    #expect(snapshot.matchedTopics == ["other", "t"])
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a tombstone has no value, an empty value is one, keys and timestamps come along`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    try cluster.produce([nil, "", "v"], to: "t", partition: 0, key: "k")
    try cluster.produce(["v"], to: "t", partition: 0)
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(sink.wait { $0.count >= 4 })
    #expect(sink.records.map(\.value) == [nil, "", "v", "v"])
    #expect(sink.records.map(\.key) == ["k", "k", "k", nil])
    #expect(sink.records.allSatisfy { ($0.timestamp ?? 0) > 1_600_000_000_000 })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `topics that come to match are picked up`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("metrics-a", partitions: 1)
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("^metrics-"), into: sink)
    #expect(eventually { pool.snapshot().isReplayed })
    try cluster.createTopic("metrics-b", partitions: 3)
    try cluster.createTopic("logs", partitions: 1)
    try cluster.produce(["b"], to: "metrics-b", partition: 2)
    try cluster.produce(["l"], to: "logs", partition: 0)
    #expect(sink.wait { !$0.isEmpty })
    #expect(eventually { pool.snapshot().matchedTopics == ["metrics-a", "metrics-b"] })
    #expect(eventually { pool.snapshot().partitions.count == 4 && pool.snapshot().isReplayed })
    #expect(sink.values == ["b"])
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `reading starts where the window does, and at the end when nothing is in it`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 2)
    for partition in 0..<2 as Range<Int32> {
      try cluster.produce((0..<10).map { "\($0)" }, to: "t", partition: partition)
    }
    let lookup = TableLookup([TopicPartition("t", 0): .success(7)])
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t", lookup: lookup), into: sink)
    #expect(eventually { pool.snapshot().isReplayed })
    #expect(sink.records.filter { $0.partition == 0 }.map(\.offset) == [7, 8, 9])
    #expect(sink.records.filter { $0.partition == 1 } == [])
    #expect(lookup.asked.withLock { $0.allSatisfy { $0.1 == 1000 } })
    let starts = pool.snapshot().partitions.map(\.start)
    #expect(starts == [7, 10])
    try cluster.produce(["new"], to: "t", partition: 1)
    #expect(sink.wait { $0.contains { $0.partition == 1 && $0.offset == 10 } })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a partition whose start cannot be found does not hold up the others`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 2)
    for partition in 0..<2 as Range<Int32> { try cluster.produce(["v"], to: "t", partition: partition) }
    let slow = TopicPartition("t", 1)
    let lookup = TableLookup([
      TopicPartition("t", 0): .success(0), slow: .failure(KafkaError(code: -185, reason: "too slow")),
    ])
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t", lookup: lookup), into: sink)
    #expect(sink.wait { $0.count == 1 })
    #expect(eventually { pool.snapshot().trouble?.cause == .partition })
    let snapshot = pool.snapshot()
    #expect(!snapshot.isReplayed)
    #expect(snapshot.trouble?.detail.contains("t[1]") == true)
    #expect(snapshot.partitions.map(\.state) == [.reading, .locating])
    lookup.answers.update { $0[slow] = .success(0) }
    #expect(sink.wait { $0.count == 2 })
    #expect(eventually { pool.snapshot().isReplayed && pool.snapshot().trouble == nil })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `brokers that go away are told, and reading goes on where it was when they return`() throws {
    let cluster = try EmbeddedCluster(brokers: 1)
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 2)
    try cluster.produce(["1"], to: "t", partition: 0)
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(sink.wait { $0.count == 1 })
    #expect(eventually { pool.snapshot().isReplayed && pool.snapshot().trouble == nil })
    try cluster.setBroker(1, isUp: false)
    #expect(eventually { pool.snapshot().trouble?.cause == .brokersDown })
    let detail = pool.snapshot().trouble?.detail ?? ""
    #expect(detail.contains(cluster.bootstrap))
    #expect(pool.snapshot().errors[.transient, default: 0] > 0)
    #expect(eventually { pool.snapshot().brokers.map(\.isUp) == [false] })
    try cluster.setBroker(1, isUp: true)
    #expect(eventually { pool.snapshot().trouble == nil })
    try cluster.produce(["2"], to: "t", partition: 0)
    #expect(sink.wait { $0.count >= 2 })
    #expect(sink.records.map(\.offset) == [0, 1], "nothing twice, nothing lost")
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `one broker of two away: its partitions are named, the others are read on`() throws {
    let cluster = try EmbeddedCluster(brokers: 2)
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 2)
    try cluster.setLeader(1, of: TopicPartition("t", 0))
    try cluster.setLeader(2, of: TopicPartition("t", 1))
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(eventually { pool.snapshot().isReplayed })
    try cluster.setBroker(2, isUp: false)
    #expect(eventually { pool.snapshot().trouble?.cause == .partition })
    #expect(pool.snapshot().trouble?.detail.contains("t[1]") == true)
    #expect(pool.snapshot().trouble?.detail.contains("t[0]") == false)
    try cluster.produce(["still"], to: "t", partition: 0)
    #expect(sink.wait { $0.count == 1 })
    try cluster.setBroker(2, isUp: true)
    #expect(eventually { pool.snapshot().trouble == nil })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a topic that is missing is told, and read once it is there`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    try cluster.setError(3, ofTopic: "t")
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(eventually { pool.snapshot().trouble?.cause == .topicMissing })
    #expect(pool.snapshot().trouble?.detail == "topic \"t\" does not exist on brokers \(cluster.bootstrap)")
    #expect(!pool.snapshot().isReplayed)
    #expect(pool.snapshot().replayProgress == 0)
    try cluster.setError(0, ofTopic: "t")
    try cluster.produce(["v"], to: "t", partition: 0)
    #expect(sink.wait { $0.count == 1 })
    #expect(eventually { pool.snapshot().trouble == nil && pool.snapshot().isReplayed })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a topic without authorisation is told as that`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    try cluster.setError(29, ofTopic: "t")
    let pool = try ConsumerPool(cluster, .quick("t"), into: Sink())
    #expect(eventually { pool.snapshot().trouble?.cause == .authorisation })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a topic that was gone is read from the window's edge again`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    try cluster.produce(["first"], to: "t", partition: 0)
    let sink = Sink()
    let lookup = TableLookup([TopicPartition("t", 0): .success(0)])
    let pool = try ConsumerPool(cluster, .quick("t", lookup: lookup), into: sink)
    #expect(sink.wait { $0.count == 1 })
    try cluster.setError(3, ofTopic: "t")
    #expect(eventually { pool.snapshot().partitions.isEmpty && pool.snapshot().trouble?.cause == .topicMissing })
    try cluster.setError(0, ofTopic: "t")
    #expect(eventually { pool.snapshot().partitions.first?.isReplayed == true })
    #expect(sink.records.map(\.offset) == [0, 0])
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `what retention took before it was read is counted, and reading goes on at the window's edge`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    let gate = Monitor(false)
    let sink = Sink()
    var options = ConsumerOptions.quick(
      "t", threads: 1, lookup: TableLookup([TopicPartition("t", 0): .success(0)]))
    options.queueBytesMax = 1 << 20
    options.batchMax = 1
    let pool = try ConsumerPool(settings: cluster.settings(), options: options) { _ in
      GatedProcessor(gate: gate, sink: SinkProcessor(sink: sink, worker: 0))
    }
    #expect(eventually { pool.snapshot().isReplayed })
    // Far more than the 5 MiB that the cluster keeps and the 1 MiB that may wait here.
    let large = String(repeating: "x", count: 50_000)
    try cluster.produce((0..<400).map { "\($0) \(large)" }, to: "t", partition: 0)
    gate.update { $0 = true }
    #expect(pool.waitUntilApplied(within: .seconds(30)) == .applied)
    let offsets = sink.records.map(\.offset)
    #expect(offsets.last == 399)
    #expect(offsets == offsets.sorted())
    let snapshot = pool.snapshot()
    #expect(snapshot.gaps >= 1)  // retention may overtake a slow reader more than once
    #expect(snapshot.recordsLost == Int64(400 - offsets.count))
    #expect(snapshot.recordsLost > 0)
    #expect(snapshot.errors[.position] == snapshot.gaps)
    #expect(eventually { pool.snapshot().isReplayed })
    #expect(pool.snapshot().trouble == nil)
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `replayed is said when the end seen at the start is reached, not before`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    try cluster.produce((0..<20).map { "\($0)" }, to: "t", partition: 0)
    let gate = Monitor(false)
    let sink = Sink()
    var options = ConsumerOptions.quick("t", threads: 1)
    options.batchMax = 5
    let pool = try ConsumerPool(settings: cluster.settings(), options: options) { _ in
      GatedProcessor(gate: gate, sink: SinkProcessor(sink: sink, worker: 0), free: 5)
    }
    #expect(eventually { pool.snapshot().partitions.first.map { ($0.position ?? 0) > 0 } == true })
    let half = pool.snapshot()
    #expect(!half.isReplayed)
    // Five, unless the first records came in smaller batches.
    let position = try #require(half.partitions.first?.position)
    #expect((1...5).contains(position))
    #expect(half.partitions.first?.target == 20)
    #expect(half.partitions.first?.lag == 20 - position)
    #expect(half.replayProgress == Double(position) / 20)
    guard case .behind([TopicPartition("t", 0)]) = pool.waitUntilApplied(within: .milliseconds(100)) else {
      Issue.record("nothing can be applied while the gate is shut")
      return
    }
    gate.update { $0 = true }
    #expect(eventually { pool.snapshot().isReplayed })
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a small queue does not make the replay wait`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 4)
    let value = String(repeating: "x", count: 10_000)
    for partition in 0..<4 as Range<Int32> {
      // The cluster gives out one batch of each partition at a time, together more than the queue may hold.
      try cluster.produce(
        Array(repeating: value, count: 400), to: "t", partition: partition, properties: ["batch.size": "300000"])
    }
    var options = ConsumerOptions.quick("t", threads: 1)
    options.queueBytesMax = 1 << 20
    let sink = Sink()
    let taken = try ContinuousClock().measure {
      let pool = try ConsumerPool(cluster, options, into: sink)
      #expect(sink.wait { $0.count == 1600 })
      #expect(pool.stop(within: .seconds(20)))
    }
    #expect(taken < .seconds(8), "librdkafka by itself would pause for a second at every batch")
  }

  @Test func `a dead client is made anew, and reading goes on where it was`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 2)
    for partition in 0..<2 as Range<Int32> { try cluster.produce(["1"], to: "t", partition: partition) }
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(eventually { pool.snapshot().isReplayed })
    pool.simulateFatalError()
    #expect(eventually { pool.snapshot().recreations == 1 })
    for partition in 0..<2 as Range<Int32> { try cluster.produce(["2"], to: "t", partition: partition) }
    #expect(sink.wait { $0.count >= 4 })
    #expect(eventually { pool.snapshot().trouble == nil && pool.snapshot().isReplayed })
    #expect(sink.values == ["1", "1", "2", "2"])
    #expect(pool.snapshot().errors[.fatal] == 1)
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `what cannot be decoded is skipped and counted after two more tries`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    try cluster.produce((0..<10).map { "\($0)" }, to: "t", partition: 0)
    // Kafka's CORRUPT_MESSAGE, four fetches long: two tries, then strides of 1 and 2.
    try cluster.failRequests(ofKind: 1, with: [2, 2, 2, 2])
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(sink.wait { $0.last?.offset == 9 })
    #expect(sink.records.map(\.offset) == Array(2..<10))
    #expect(eventually { pool.snapshot().partitions.first?.error == nil })
    #expect(pool.snapshot().recordsLost == 2)
    #expect(pool.snapshot().errors[.data] == 4)
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `whoever waits for own writes finds them applied`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 4)
    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    for round in 1...20 {
      try cluster.produce(["\(round)"], to: "t", partition: Int32(round % 4))
      #expect(pool.waitUntilApplied(within: .seconds(20)) == .applied)
      #expect(sink.records.count == round)
    }
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a processor is told when there is nothing more at hand`() throws {
    struct Idler: RecordProcessor {
      let log: Monitor<[String]>
      mutating func process(_ batch: borrowing RecordBatch) { log.update { $0.append("batch") } }
      mutating func idle() { log.update { $0.append("idle") } }
    }
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    let log = Monitor([String]())
    let pool = try ConsumerPool(settings: cluster.settings(), options: .quick("t", threads: 1)) { _ in Idler(log: log) }
    try cluster.produce(["1"], to: "t", partition: 0)
    #expect(eventually { log.withLock { $0.last == "idle" && $0.contains("batch") } })
    #expect(log.withLock { zip($0, $0.dropFirst()).allSatisfy { $0.0 == "batch" || $0.1 == "batch" } })
    #expect(pool.stop(within: .seconds(20)))
  }

  // MARK: The end

  @Test func `stop is quick while brokers are down`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 3)
    let pool = try ConsumerPool(cluster, .quick("t"), into: Sink())
    #expect(eventually { pool.snapshot().isReplayed })
    try cluster.setBroker(1, isUp: false)
    #expect(eventually { pool.snapshot().trouble?.cause == .brokersDown })
    let clock = ContinuousClock()
    var isDone = false
    let taken = clock.measure { isDone = pool.stop(within: .seconds(10)) }
    #expect(isDone)
    #expect(taken < .seconds(8))
    #expect(pool.stop(within: .seconds(1)), "a second time is no matter")
  }

  @Test(arguments: [0, 1, 20, 100])
  func `stop during start-up`(milliseconds: Int) throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 3)
    let pool = try ConsumerPool(cluster, .quick("t"), into: Sink())
    let never = Monitor(())
    _ = never.wait(until: Deadline(in: .milliseconds(milliseconds))) { _ in Bool?.none }
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `stop while no broker was ever there, and its limit holds`() throws {
    let settings = try ClientSettings(brokers: ["127.0.0.1:1"], properties: quickProperties)
    let pool = try ConsumerPool(settings: settings, options: .quick("t")) { SinkProcessor(sink: Sink(), worker: $0) }
    #expect(eventually { pool.snapshot().trouble?.cause == .brokersDown })
    #expect(pool.stop(within: .seconds(10)))
    #expect(pool.snapshot().isAssigned == false)
  }
}
