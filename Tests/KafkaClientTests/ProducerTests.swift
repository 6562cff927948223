import KafkaClient
import Testing

@Suite(.serialized) struct ProducerTests {
  @Test(arguments: [true, false])
  func `each record gets one report, with its token, partition and offset`(isIdempotent: Bool) throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 2)
    let reports = Monitor([DeliveryReport]())
    let producer = try Producer(settings: cluster.settings(), options: ProducerOptions(isIdempotent: isIdempotent)) {
      new in reports.update { $0 += new }
    }
    let topic = try producer.topic("t")
    for token in 1...100 as ClosedRange<UInt64> {
      let answer = withBytes("v\(token)") { value in
        producer.produce(
          to: topic, partition: Int32(token % 2), key: nil, value: value, timestamp: 1_700_000_000_000 + Int64(token),
          token: token)
      }
      guard case .queued = answer else {
        Issue.record("\(answer)")
        return
      }
    }
    #expect(producer.flush(within: .seconds(30)))
    #expect(reports.wait(until: Deadline(in: .seconds(30))) { $0.count == 100 ? true : nil } == true)
    let all = reports.withLock { $0 }
    #expect(Set(all.map(\.token)) == Set(1...100))
    #expect(all.allSatisfy { $0.error == nil && $0.partition == Int32($0.token % 2) && $0.persistence == .yes })
    #expect(Set(all.filter { $0.partition == 0 }.map(\.offset)) == Set(0..<50))
    #expect(producer.close(within: .seconds(30)))

    let sink = Sink()
    let pool = try ConsumerPool(cluster, .quick("t"), into: sink)
    #expect(sink.wait { $0.count == 100 })
    #expect(Set(sink.records.map(\.timestamp)) == Set((1...100).map { 1_700_000_000_000 + $0 }))
    #expect(pool.stop(within: .seconds(20)))
  }

  @Test func `a full queue is said, and a closed producer reports what it could not deliver`() throws {
    let reports = Monitor([DeliveryReport]())
    let settings = try ClientSettings(brokers: ["127.0.0.1:1"], properties: quickProperties)
    let producer = try Producer(settings: settings, options: ProducerOptions(isIdempotent: false, queueRecordsMax: 10))
    {
      new in reports.update { $0 += new }
    }
    let topic = try producer.topic("t")
    var queued = 0
    var isFull = false
    for token in 0..<20 as Range<UInt64> {
      switch withBytes("v", { producer.produce(to: topic, key: nil, value: $0, token: token) }) {
      case .queued: queued += 1
      case .queueFull: isFull = true
      case .refused(let error): Issue.record("\(error)")
      }
    }
    #expect(queued == 10)
    #expect(isFull)
    #expect(producer.status.queued == 10)
    #expect(eventually { producer.status.lastError != nil })
    #expect(!producer.flush(within: .milliseconds(50)))
    #expect(!producer.close(within: .seconds(5)), "not everything was delivered")
    #expect(reports.wait(until: Deadline(in: .seconds(10))) { $0.count == 10 ? true : nil } == true)
    #expect(reports.withLock { $0.allSatisfy { $0.error != nil && $0.persistence == .no } })
    guard case .refused = withBytes("v", { producer.produce(to: topic, key: nil, value: $0) }) else {
      Issue.record("a closed producer takes nothing")
      return
    }
    #expect(producer.close(within: .seconds(1)))
  }

  @Test func `a record above the limit is refused at once`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    let settings = try cluster.settings(["message.max.bytes": "2000"])
    let producer = try Producer(settings: settings)
    let topic = try producer.topic("t")
    let value = [UInt8](repeating: 1, count: 3000)
    let answer = value.withUnsafeBytes { producer.produce(to: topic, key: nil, value: $0) }
    guard case .refused(let error) = answer else {
      Issue.record("\(answer)")
      return
    }
    #expect(error.name == "MSG_SIZE_TOO_LARGE")
    #expect(producer.close(within: .seconds(20)))
  }

  @Test func `a topic that cannot be is refused by name`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    let producer = try Producer(settings: cluster.settings())
    #expect(throws: SettingsError.self) { try producer.topic("no such name") }
    #expect(producer.close(within: .seconds(20)))
    #expect(throws: SettingsError.self) { try producer.topic("t") }
  }

  @Test func `a closed cluster refuses instead of crashing`() throws {
    let cluster = try EmbeddedCluster(brokers: 3)
    #expect(cluster.brokers.count == 3)
    cluster.close()
    cluster.close()
    #expect(throws: KafkaError.self) { try cluster.createTopic("t", partitions: 1) }
  }
}
