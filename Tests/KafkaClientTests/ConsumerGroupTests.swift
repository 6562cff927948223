import KafkaClient
import Testing

@Suite(.serialized) struct ConsumerGroupTests {
  private func member(_ cluster: EmbeddedCluster, _ group: String, into sink: Sink) throws -> ConsumerPool {
    try ConsumerPool(settings: cluster.settings(quickGroup), options: .quick("t", mode: .group(group))) {
      SinkProcessor(sink: sink, worker: $0)
    }
  }

  @Test func `two members share the partitions, and a leaver's move to the one that stays`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 4)
    let (one, two) = (Sink(), Sink())
    let first = try member(cluster, "g", into: one)
    #expect(eventually { first.snapshot().partitions.count == 4 && first.snapshot().isReplayed })
    #expect(first.snapshot().group == "g")
    #expect(first.snapshot().memberID?.isEmpty == false)
    let second = try member(cluster, "g", into: two)
    #expect(eventually { first.snapshot().partitions.count == 2 && second.snapshot().partitions.count == 2 })
    #expect(eventually { first.snapshot().isReplayed && second.snapshot().isReplayed })
    let shares = [first, second].flatMap { $0.snapshot().partitions.map(\.partition) }
    #expect(shares.sorted() == [0, 1, 2, 3])
    for partition in 0..<4 as Range<Int32> { try cluster.produce(["a"], to: "t", partition: partition) }
    #expect(eventually { Set((one.records + two.records).map(\.partition)).count == 4 })
    #expect(second.stop(within: .seconds(30)))
    #expect(eventually { first.snapshot().partitions.count == 4 && first.snapshot().isReplayed })
    #expect(first.snapshot().rebalances >= 3)
    #expect(first.snapshot().trouble == nil)
    for partition in 0..<4 as Range<Int32> { try cluster.produce(["b"], to: "t", partition: partition) }
    #expect(one.wait { $0.filter { $0.value == "b" }.count == 4 })
    // What stayed, or came back, went on where it was.
    for partition in 0..<4 as Range<Int32> {
      let offsets = one.records.filter { $0.partition == partition }.map(\.offset)
      #expect(zip(offsets, offsets.dropFirst()).allSatisfy { $0 < $1 })
    }
    #expect(first.stop(within: .seconds(30)))
  }

  @Test func `trouble says that the group gives nothing out`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    let pool = try member(cluster, "waiting", into: Sink())
    #expect(eventually { pool.snapshot().trouble?.cause == .group || pool.snapshot().isAssigned })
    #expect(eventually { pool.snapshot().isReplayed && pool.snapshot().trouble == nil })
    #expect(pool.stop(within: .seconds(30)))
  }

  @Test(arguments: [0, 50])
  func `stop before the group has answered`(milliseconds: Int) throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    try cluster.createTopic("t", partitions: 1)
    let pool = try member(cluster, "early", into: Sink())
    _ = Monitor(()).wait(until: Deadline(in: .milliseconds(milliseconds))) { _ in Bool?.none }
    #expect(pool.stop(within: .seconds(30)))
  }

  @Test func `a group needs a name`() throws {
    let cluster = try EmbeddedCluster()
    defer { cluster.close() }
    #expect(throws: SettingsError.self) { try member(cluster, "", into: Sink()) }
  }
}
