import KafkaClient
import Testing

/// What is decided without any broker.
@Suite struct DecisionTests {
  @Test(arguments: [
    (["a.b"], "a.b", true), (["a.b"], "axb", false), (["^a.b$"], "axb", true), (["^metrics-"], "metrics-eu", true),
    (["^metrics-"], "other-metrics-eu", false), (["^(a|b)[0-9]+$"], "b17", true),
    (["^.*"], "__consumer_offsets", false),
    (["^__con"], "__consumer_offsets", true), (["__consumer_offsets"], "__consumer_offsets", true),
  ])
  func `topics are selected by name or expression`(topics: [String], name: String, isIncluded: Bool) throws {
    #expect(try TopicSelection(topics).includes(name) == isIncluded)
  }

  @Test(arguments: ["^(", "", "a b", "..", "Ünicode", String(repeating: "x", count: 250)])
  func `a topic that cannot be is refused by name`(topic: String) {
    #expect {
      try TopicSelection([topic])
    } throws: { error in
      guard case .topic(topic, let reason)? = error as? SettingsError else { return false }
      return !reason.isEmpty
    }
  }

  @Test(
    arguments: [
      (-195, .transient), (-187, .transient), (6, .transient), (-169, .credentials), (58, .credentials),
      (-181, .credentials), (29, .authorisation), (30, .authorisation), (3, .topic), (-190, .topic), (1, .position),
      (-140, .position), (22, .group), (-147, .group), (-198, .data), (10, .data), (-150, .fatal), (82, .fatal),
      (-184, .backPressure), (-1, .other),
    ] as [(Int32, KafkaError.Kind)])
  func `errors are sorted by what is to be done`(code: Int32, kind: KafkaError.Kind) {
    #expect(KafkaError(code: code, reason: "").kind == kind)
  }

  @Test func `the root of the trouble is told, since its beginning`() {
    var ledger = TroubleLedger()
    #expect(ledger.worst == nil)
    ledger.raise(.topic("b"), at: 20, "b is missing")
    ledger.raise(.topic("a"), at: 10, "a is missing")
    #expect(ledger.worst == Trouble(cause: .topicMissing, since: 10, detail: "a is missing"))
    ledger.raise(.brokers, at: 30, "down")
    ledger.raise(.credentials, at: 40, "refused")
    ledger.raise(.credentials, at: 50, "refused again")
    #expect(ledger.worst == Trouble(cause: .credentials, since: 40, detail: "refused again"))
    ledger.clear(.credentials)
    #expect(ledger.worst?.cause == .brokersDown)
    ledger.clear { $0 == .brokers || $0 == .topic("a") }
    #expect(ledger.worst?.detail == "b is missing")
    ledger.clear(.topic("b"))
    #expect(ledger.worst == nil)
  }

  /// (position, low, high, edge of the window) → (start, gap, lost)
  @Test(
    arguments: [
      (nil, 0, 100, 40, 40, false, 0),  // met first: the window's edge
      (nil, 0, 100, nil, 100, false, 0),  // nothing in the window
      (nil, 60, 100, 40, 60, false, 0),  // retention is shorter than the window
      (50, 0, 100, 40, 50, false, 0),  // goes on where it was
      (50, 0, 100, 70, 70, false, 0),  // away for long: what has left the window is not read
      (100, 0, 100, 40, 100, false, 0),  // was at the end
      (50, 0, 100, nil, 100, false, 0),
      (50, 60, 100, 40, 60, true, 10),  // retention overtook it
      (50, 60, 100, 80, 80, true, 10),
      (500, 0, 100, 40, 40, true, 0),  // the topic was made anew
      (500, 0, 0, nil, 0, true, 0),
    ] as [(Int64?, Int64, Int64, Int64?, Int64, Bool, Int64)])
  func `where reading starts`(
    position: Int64?, low: Int64, high: Int64, edge: Int64?, start: Int64, isGap: Bool, lost: Int64
  ) {
    let answer = Locator.decide(position, low: low, high: high, edge: edge)
    #expect(answer.start.offset == start)
    #expect(answer.isGap == isGap)
    #expect(answer.lost == lost)
  }

  @Test func `statistics yield brokers, and each worker's queue once`() throws {
    let json = """
      {"name":"x","brokers":{
        "a:1/1":{"nodeid":1,"nodename":"a:1","state":"UP","txerrs":1,"rxerrs":2,"rtt":{"avg":300,"p99":900,"cnt":2}},
        "b:1/2":{"nodeid":2,"nodename":"b:1","state":"DOWN","txerrs":0,"rxerrs":0},
        "boot":{"nodeid":-1,"nodename":"boot:1","state":"INIT","txerrs":0,"rxerrs":0}},
       "topics":{"t":{"topic":"t","partitions":{
        "0":{"partition":0,"fetchq_cnt":5,"fetchq_size":500},"1":{"partition":1,"fetchq_cnt":5,"fetchq_size":500},
        "2":{"partition":2,"fetchq_cnt":7,"fetchq_size":70},"-1":{"partition":-1,"fetchq_cnt":9,"fetchq_size":9}}}}}
      """
    let statistics = try #require(ClientStatistics(json: json))
    #expect(statistics.brokerStatus.map(\.isUp) == [true, false])
    #expect(statistics.brokerStatus.first?.roundTrip99 == 900)
    #expect(statistics.brokerStatus.first?.errors == 3)
    let queued = statistics.queued { $0.partition < 0 ? nil : $0.partition == 2 ? 1 : 0 }
    #expect(queued == (12, 570))
    #expect(ClientStatistics(json: "{") == nil)
  }
}
