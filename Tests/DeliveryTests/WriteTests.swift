import Configuration
import KafkaClient
import Testing
import TimeSeries
import Wire

@testable import Delivery

/// From the body of a remote write to the records that a consumer reads.
@Suite(.serialized) struct WriteTests {
  private static let now = DeliveryBench.now

  @Test(arguments: RemoteWriteVersion.allCases)
  func `samples come out as the format is documented`(version: RemoteWriteVersion) throws {
    let bench = try DeliveryBench([DeliveryBench.task("t", labels: ["deliver_test_key1=ssss"])])
    let body = WriteBody.packed(
      [
        (["__name__": "up", "job": "a\"b", "value": "7"], [(Self.now - 2, 1), (Self.now, 675)]),
        (["__name__": "x:rate", "le": "+Inf"], [(Self.now - 1, .infinity)]),
      ], as: version)
    let outcome = bench.write(body, as: version)
    #expect(outcome.verdict == .delivered)
    #expect(outcome.samplesWritten == 3)
    let records = try PlainReader(bench).wait(samples: 3)
    let record = try #require(records.first)
    let head = #"{"__name__":"up","deliver_test_key1":"ssss","exported_value":"7","job":"a\"b","value":""#
    #expect(
      record.text == "[" + head + #"1","timestamp":"1699999999998"},"# + head + #"675","timestamp":"1700000000000"},"#
        + #"{"__name__":"x:rate","deliver_test_key1":"ssss","le":"+Inf","value":"+Inf","timestamp":"1699999999999"}]"#)
    #expect(records.count == 1 && record.key == "0" && record.timestamp == Self.now)
    let status = try bench.status()
    #expect(status.state == .running && status.isIdempotent && status.partitions == 1)
    #expect(status.records == 1 && status.samples == 3 && status.recordsInFlight == 0 && status.lastDeliveryAt != nil)
    #expect(status.sources[0].received == 3 && status.sources[0].passed == 3 && status.sources[0].movedLabels == 2)
    #expect(status.sources[0].knownSeries == 2 && status.sources[0].knownSeriesBytes > 0)
    #expect(bench.delivery.totals.requests == 1 && bench.delivery.totals.samples == 3)
    #expect(bench.delivery.inFlight.bytes == 0)
  }

  @Test func `a series stays in its partition, whichever request brings it`() throws {
    let bench = try DeliveryBench(partitions: 5)
    for round in 0..<4 as Range<Int64> {
      let series = (0..<50).map { (["__name__": "m", "i": "\($0)"], [(Self.now - 10 + round, 1.0)]) }
      #expect(bench.write(WriteBody.packed(series, as: .version1)).verdict == .delivered)
    }
    var places: [String: Set<Int32>] = [:]
    for record in try PlainReader(bench).wait(samples: 200) {
      #expect(record.key == "\(record.partition)")
      for sample in record.samples { places[sample["i"] ?? "", default: []].insert(record.partition) }
    }
    #expect(places.count == 50 && places.values.allSatisfy { $0.count == 1 })
    #expect(Set(places.values.joined()).count == 5)
  }

  @Test func `what a filter rejects is acknowledged, counted by its line, and not delivered`() throws {
    let bench = try DeliveryBench([DeliveryBench.task("t", filter: ["__name__=up|down", "job=node"])])
    let series = [("up", "node"), ("down", "node"), ("up", "api"), ("other", "node")].map {
      (["__name__": $0, "job": $1], [(Self.now, 1.0), (Self.now + 1, 2.0)])
    }
    for _ in 0..<2 {  // once when the series are met, once when they are known
      let outcome = bench.write(WriteBody.packed(series, as: .version1))
      #expect(outcome.verdict == .delivered && outcome.samplesWritten == 8)
    }
    let source = try bench.status().sources[0]
    #expect(source.received == 16 && source.passed == 8 && source.rejected == [4, 4])
    let samples = try PlainReader(bench).wait(samples: 8).flatMap(\.samples)
    #expect(samples.count == 8 && samples.allSatisfy { $0["job"] == "node" && $0["__name__"] != "other" })
    // Nothing to deliver is delivered at once.
    let outcome = bench.write(WriteBody.sample(["__name__": "other"], Self.now))
    #expect(outcome.verdict == .delivered && outcome.samplesWritten == 1)
  }

  @Test(
    arguments: [(.drop, nil), (.staleNaN, "StaleNaN"), (.nan, "NaN")] as [(DeliveryTask.StaleMarkers, String?)])
  func `stale markers are dropped, told or made ordinary`(mode: DeliveryTask.StaleMarkers, text: String?) throws {
    let bench = try DeliveryBench([DeliveryBench.task("t") { $0.staleMarkers = mode }])
    let marker = Double(bitPattern: StaleMarker.bits)
    let series: [WriteBody.Series] = [
      (["__name__": "up"], [(Self.now, 1), (Self.now + 1, marker), (Self.now + 2, .nan)])
    ]
    for _ in 0..<2 { #expect(bench.write(WriteBody.packed(series, as: .version1)).verdict == .delivered) }
    let values = ["1"] + (text.map { [$0] } ?? []) + ["NaN"]
    let samples = try PlainReader(bench).wait(samples: values.count * 2).flatMap(\.samples)
    #expect(samples.map { $0["value"] } == values + values)
    #expect(try bench.status().sources[0].staleMarkersDropped == (text == nil ? 2 : 0))
  }

  @Test func `a record holds no more samples and bytes than the task says`() throws {
    let bench = try DeliveryBench([
      DeliveryBench.task("a") { $0.batch.samples = 10 },
      DeliveryBench.task("b") {
        $0.batch.bytes = 1024
        $0.target.topic = "b"
      },
    ])
    let series = (0..<95).map { (["__name__": "m", "i": "\($0)"], [(Self.now, 1.0)]) }
    #expect(bench.write(WriteBody.packed(series, as: .version1)).verdict == .delivered)
    let records = try PlainReader(bench).wait(samples: 95)
    #expect(records.count == 10 && records.allSatisfy { $0.samples.count <= 10 })
    let small = try PlainReader(bench, "b").wait(samples: 95)
    #expect(small.count > 5 && small.allSatisfy { $0.text.utf8.count <= 1024 })
    #expect(small.reduce(0) { $0 + $1.samples.count } == 95)
  }

  @Test func `requests at the same time share records, and each is answered`() throws {
    let bench = try DeliveryBench([DeliveryBench.task("t") { $0.batch.linger = .milliseconds(200) }])
    try bench.cluster.setRoundTrip(.milliseconds(100), ofBroker: 1)
    let answers = Monitor([WriteOutcome.Verdict]())
    for i in 0..<100 {
      bench.delivery.write(
        WriteBody.sample(["__name__": "m", "i": "\(i)"], Self.now), as: .version1, to: .everyTask
      ) { outcome in answers.update { $0.append(outcome.verdict) } }
    }
    let all = answers.wait(until: Deadline(in: .seconds(40))) { $0.count == 100 ? $0 : nil }
    #expect(all?.allSatisfy { $0 == .delivered } == true)
    #expect(try bench.status().samples == 100)
    #expect(try bench.status().records < 50)
  }

  @Test func `a request goes to every task, to one, or to one source of one`() throws {
    let bench = try DeliveryBench([
      DeliveryBench.task("a", labels: ["task=a"]) { task in
        task.sources[0].name = "first"
        var second = task.sources[0]
        second.name = "second"
        task.sources.append(second)
      },
      DeliveryBench.task("b", labels: ["task=b"]), DeliveryBench.task("c") { $0.isStarted = false },
    ])
    let body = WriteBody.sample(["__name__": "up"], Self.now)
    let counts = { bench.delivery.tasks().map { $0.sources.map(\.received) } }
    #expect(bench.write(body).verdict == .delivered)
    #expect(counts() == [[1, 1], [1], [0]])
    #expect(bench.write(body, to: .task("a", source: nil)).verdict == .delivered)
    #expect(counts() == [[2, 2], [1], [0]])
    #expect(bench.write(body, to: .task("a", source: "second")).verdict == .delivered)
    #expect(counts() == [[2, 3], [1], [0]])
    let refusals: [(WriteAddress, WriteOutcome.Verdict)] = [
      (.task("x", source: nil), .unknown(#"there is no delivery task "x""#)),
      (.task("a", source: "x"), .unknown(#"delivery task "a" has no source "x" for remote writes"#)),
      (.task("c", source: nil), .unavailable(#"delivery task "c" is stopped"#, retryAfter: 30)),
    ]
    for (address, verdict) in refusals { #expect(bench.write(body, to: address).verdict == verdict) }
  }

  @Test func `what cannot be read is refused for good`() throws {
    let bench = try DeliveryBench { $0.delivery.maxRequestBytes = 1 << 20 }
    for body in [[], [0xFF], Array("no snappy".utf8), Snappy.compress([0x0A, 0x05, 0x01])] {
      guard case .refused = bench.write(body).verdict else {
        Issue.record("\(body): \(bench.write(body).verdict)")
        continue
      }
    }
    // A header that claims 2 MiB.
    guard case .tooLarge = bench.write([0x80, 0x80, 0x80, 0x01, 0x00]).verdict else {
      Issue.record("a claim of 2 MiB is not refused")
      return
    }
    #expect(bench.delivery.inFlight.bytes == 0)
    #expect(try bench.status().samples == 0)
  }

  @Test func `samples too far in the future are refused, their neighbours delivered`() throws {
    let bench = try DeliveryBench()
    let late = Self.now + 3_600_000
    let body = WriteBody.packed(
      [(["__name__": "a"], [(Self.now, 1), (late, 2)]), (["__name__": "b"], [(late, 3)])], as: .version2)
    let outcome = bench.write(body, as: .version2)
    #expect(outcome.verdict == .refused("2 of 3 samples refused: a has a sample that is too far in the future"))
    #expect(outcome.samplesWritten == 1)
    #expect(try PlainReader(bench).wait(samples: 1).flatMap(\.samples).count == 1)
    #expect(bench.delivery.totals.rejected == ["too_new": 2])
  }

  @Test func `a request that Kafka does not acknowledge is to be sent again, and holds no memory`() throws {
    let bench = try DeliveryBench { $0.delivery.requestTimeout = .milliseconds(300) }
    try bench.cluster.setBroker(1, isUp: false)
    let body = WriteBody.sample(["__name__": "up"], Self.now)
    guard case .unavailable(_, let seconds) = bench.write(body).verdict else {
      Issue.record("a broker that is away is not told")
      return
    }
    #expect(seconds > 0)
    #expect(eventually { bench.delivery.inFlight.bytes == 0 })
    #expect(try bench.status().failedSamples == 1 && bench.status().lastFailure != nil)
    try bench.cluster.setBroker(1, isUp: true)
    #expect(eventually { bench.write(body).verdict == .delivered })
    // A look-up of partitions that began while the broker was away may still fail.
    #expect(eventually { (try? bench.status().state) == .running })
  }

  @Test func `no more memory is taken than allowed, whatever comes`() throws {
    let bench = try DeliveryBench {
      $0.delivery.maxInFlightBytes = 1 << 20
      $0.delivery.requestTimeout = .seconds(60)
    }
    try bench.cluster.setBroker(1, isUp: false)
    let series = (0..<1000).map { (["__name__": "m", "i": "\(random(seed: $0))"], [(Self.now, 1.0)]) }
    let body = WriteBody.packed(series, as: .version1)
    let answers = Monitor([WriteOutcome.Verdict]())
    for _ in 0..<100 {
      bench.delivery.write(body, as: .version1, to: .everyTask) { outcome in
        answers.update { $0.append(outcome.verdict) }
      }
      #expect(bench.delivery.inFlight.bytes <= 1 << 20)
    }
    try bench.cluster.setBroker(1, isUp: true)
    let all = answers.wait(until: Deadline(in: .seconds(50))) { $0.count == 100 ? $0 : nil } ?? []
    let full = WriteOutcome.Verdict.unavailable(
      "as many samples as promring may hold wait for Kafka; try again", retryAfter: 1)
    #expect(all.count { $0 == full } > 20)
    #expect(all.contains(.delivered))
    #expect(all.allSatisfy { $0 == full || $0 == .delivered })
    #expect(eventually { bench.delivery.inFlight.bytes == 0 })
  }

  private func random(seed: Int) -> UInt64 {
    var rng = SplitMix64(seed: UInt64(seed))
    return rng.next()
  }

  @Test func `metadata are learned, and a request of nothing else is delivered`() throws {
    let bench = try DeliveryBench()
    let body = WriteBody.metadata("http_requests_total", type: 1, help: "Requests.", unit: "requests")
    #expect(bench.write(body).verdict == .delivered)
    let family = bench.delivery.metadata.family("http_requests_total")
    #expect(family == MetadataStore.Family(type: .counter, help: "Requests.", unit: "requests"))
    #expect(bench.delivery.metadata.version == 1)
    #expect(bench.write(body).verdict == .delivered)
    #expect(bench.delivery.metadata.version == 1)
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `random requests arrive as a naive model says`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let filter = ["", "job=a|b", "job=[^c]*\n__name__=m.", "zone="][Int(seed % 4)]
    let isKept: ([String: String]) -> Bool = { labels in
      switch seed % 4 {
      case 1: ["a", "b"].contains(labels["job"])
      case 2: labels["job"] != "c" && labels["__name__"]?.count == 2
      case 3: labels["zone"] == nil
      default: true
      }
    }
    let bench = try DeliveryBench(
      [DeliveryBench.task("t", filter: [filter]) { $0.batch.samples = 7 }], partitions: 3)
    let answers = Monitor(0)
    var expected: [String] = []
    for round in 0..<40 as Range<Int64> {
      var series: [WriteBody.Series] = []
      for _ in 0..<Int.random(in: 1...20, using: &rng) {
        var labels = ["__name__": ["m1", "m2", "other"].randomElement(using: &rng) ?? ""]
        labels["job"] = ["a", "b", "c"].randomElement(using: &rng)
        if Bool.random(using: &rng) { labels["zone"] = "z" }
        let value = Double(Int.random(in: 0..<1000, using: &rng))
        series.append((labels, [(Self.now + round, value)]))
        guard isKept(labels) else { continue }
        expected.append("\(labels.sorted { $0.key < $1.key }) \(Int(value)) \(Self.now + round)")
      }
      let version: RemoteWriteVersion = Bool.random(using: &rng) ? .version1 : .version2
      bench.delivery.write(WriteBody.packed(series, as: version), as: version, to: .everyTask) { outcome in
        if outcome.verdict == .delivered { answers.update { $0 += 1 } }
      }
    }
    #expect(answers.wait(until: Deadline(in: .seconds(40))) { $0 == 40 ? true : nil } == true, "seed \(seed)")
    let found = try PlainReader(bench).wait(samples: expected.count).flatMap(\.samples).map { sample in
      let labels = sample.filter { !["value", "timestamp"].contains($0.key) }.sorted { $0.key < $1.key }
      return "\(labels) \(sample["value"] ?? "") \(sample["timestamp"] ?? "")"
    }
    #expect(found.sorted() == expected.sorted(), "seed \(seed)")
  }
}
