import Testing
import TimeSeries

@testable import Wire

/// Requests of both versions, made from the same series.
enum RemoteWriteRequest {
  typealias Series = (labels: [(String, String)], samples: [(Int64, Double)])

  static func version1(_ series: [Series]) -> [UInt8] {
    series.flatMap { each in
      Proto.bytes(
        1,
        each.labels.flatMap { Proto.label(1, $0.0, $0.1) } + each.samples.flatMap { Proto.sample(2, $0.0, $0.1) })
    }
  }

  /// `more` is put behind the samples of each series.
  static func version2(_ series: [Series], symbols more: [String] = [], series added: [UInt8] = []) -> [UInt8] {
    var symbols = [""]
    func number(_ text: String) -> Int64 {
      if let known = symbols.firstIndex(where: { $0.hasSameBytes(as: text) }) { return Int64(known) }
      symbols.append(text)
      return Int64(symbols.count - 1)
    }
    let body = series.flatMap { each in
      Proto.bytes(
        5,
        Proto.packed(1, each.labels.flatMap { [number($0.0), number($0.1)] })
          + each.samples.flatMap { Proto.sample(2, $0.0, $0.1) } + added)
    }
    return (symbols + more).flatMap { Proto.text(4, $0) } + body
  }

  static func make(_ version: RemoteWriteVersion, _ series: [Series]) -> [UInt8] {
    version == .version1 ? version1(series) : version2(series)
  }

  static let up: Series = ([("__name__", "up"), ("job", "ü支付"), ("z", "1")], [(1000, 1), (2000, -0.5)])
  static let down: Series = ([("__name__", "down"), ("job", "node")], [(1_698_732_988_354, 0)])
}

@Suite struct RemoteWriteTests {
  static func columns(_ series: RemoteWriteRequest.Series) -> RemoteWriteCollector.Series {
    RemoteWriteCollector.Series(
      labels: LabelSet(series.labels.map { Label($0.0, $0.1) }), timestamps: series.samples.map(\.0),
      bits: series.samples.map(\.1.bitPattern))
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `series come with their labels and samples`(version: RemoteWriteVersion) throws {
    let collector = RemoteWriteCollector()
    let tally = try collector.take(
      RemoteWriteRequest.make(version, [RemoteWriteRequest.up, RemoteWriteRequest.down]), version)
    #expect(collector.series == [Self.columns(RemoteWriteRequest.up), Self.columns(RemoteWriteRequest.down)])
    #expect(tally.series == 2 && tally.samples == 3 && tally.rejectedSeries == 0)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `times before 1970, zeros and all bits of a NaN survive`(version: RemoteWriteVersion) throws {
    let series: RemoteWriteRequest.Series = (
      [("__name__", "a")],
      [(-5, StaleMarker.value), (0, 0), (0, Double(bitPattern: 0xFFF0_0000_0000_0001)), (.max, -0.0)]
    )
    let collector = RemoteWriteCollector()
    _ = try collector.take(RemoteWriteRequest.make(version, [series]), version)
    #expect(collector.series == [Self.columns(series)])
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `known series are recognised without their labels`(version: RemoteWriteVersion) throws {
    let collector = RemoteWriteCollector()
    let all = (0..<500).map { i -> RemoteWriteRequest.Series in
      ([("__name__", "m"), ("a", "\(i % 7)"), ("b", "\(i)")], [(Int64(i), Double(i))])
    }
    var expected: [RemoteWriteCollector.Series] = []
    for seed in 0..<4 as Range<UInt64> {
      var rng = SplitMix64(seed: seed)
      let order = all.shuffled(using: &rng)
      expected += order.map(Self.columns)
      _ = try collector.take(RemoteWriteRequest.make(version, order), version)
    }
    #expect(collector.series == expected)
    #expect(collector.recognised == 3 * 500)
  }

  @Test func `a label's end is part of its identity`() throws {
    let collector = RemoteWriteCollector()
    let alike: [RemoteWriteRequest.Series] = [
      ([("__name__", "ab"), ("c", "d")], [(1, 1)]), ([("__name__", "a"), ("bc", "d")], [(1, 1)]),
      ([("__name__", "a"), ("b", "cd")], [(1, 1)]), ([("__name__", "a"), ("c", "b"), ("d", "e")], [(1, 1)]),
      ([("__name__", "a"), ("c", "d"), ("b", "e")], [(1, 1)]),
    ]
    for version in RemoteWriteVersion.allCases {
      _ = try collector.take(RemoteWriteRequest.make(version, alike), version)
    }
    #expect(collector.recognised == 0 && collector.identities.count == 2 * alike.count)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `labels are put in order, and those without a value are none`(version: RemoteWriteVersion) throws {
    let series: RemoteWriteRequest.Series = (
      [("z", "1"), ("job", ""), ("a", "2"), ("__name__", "up"), ("A", "3")], [(1, 1)]
    )
    let collector = RemoteWriteCollector()
    _ = try collector.take(RemoteWriteRequest.make(version, [series]), version)
    #expect(collector.series.map(\.labels.description) == [#"up{A="3", a="2", z="1"}"#])
    #expect(collector.series[0].labels.labels.map(\.name) == ["A", "__name__", "a", "z"])
  }

  static let rules: [(SeriesRejection, [(String, String)])] = [
    (.noLabels, []), (.noLabels, [("__name__", "")]), (.noMetricName, [("job", "a")]),
    (.emptyLabelName, [("", "a"), ("__name__", "up")]),
    (.duplicateLabel, [("__name__", "up"), ("a", "1"), ("a", "1")]),
    (.duplicateLabel, [("a", "1"), ("__name__", "up"), ("a", "2")]),
    (.tooManyLabels, [("__name__", "up")] + (0..<5).map { ("l\($0)", "v") }),
    (.labelNameTooLong, [("__name__", "up"), (String(repeating: "n", count: 21), "v")]),
    (.labelValueTooLong, [("__name__", "up"), ("n", String(repeating: "v", count: 41))]),
  ]

  @Test(arguments: rules.indices, RemoteWriteVersion.allCases)
  func `a series that breaks a rule is left out and its neighbours are taken`(
    index: Int, version: RemoteWriteVersion
  ) throws {
    var limits = RemoteWriteLimits()
    (limits.labelsMax, limits.labelNameBytesMax, limits.labelValueBytesMax) = (5, 20, 40)
    let (rejection, labels) = Self.rules[index]
    let bad: RemoteWriteRequest.Series = (labels, [(1, 1), (2, 2)])
    let body = RemoteWriteRequest.make(version, [RemoteWriteRequest.up, bad, RemoteWriteRequest.down])
    let collector = RemoteWriteCollector()
    let tally = try collector.take(body, version, limits)
    #expect(collector.rejections.map(\.rejection) == [rejection])
    #expect(collector.series == [Self.columns(RemoteWriteRequest.up), Self.columns(RemoteWriteRequest.down)])
    #expect(tally.rejectedSeries == 1 && tally.rejectedSamples == 2 && tally.series == 2 && tally.samples == 3)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `samples have to be in the order of their times`(version: RemoteWriteVersion) throws {
    let bad: RemoteWriteRequest.Series = ([("__name__", "up"), ("job", "a")], [(1, 1), (3, 1), (2, 1)])
    let collector = RemoteWriteCollector()
    let tally = try collector.take(RemoteWriteRequest.make(version, [bad]), version)
    #expect(collector.rejections.map(\.rejection) == [.unorderedSamples])
    #expect(collector.rejections[0].text == #"up{job="a"}"# && tally.rejectedSamples == 3)
  }

  @Test(
    arguments: [
      ([("__name__", "a.b")], .invalidMetricName), ([("__name__", "1a")], .invalidMetricName),
      ([("__name__", "a:b"), ("x:y", "v")], .invalidLabelName), ([("__name__", "a"), ("ü", "v")], .invalidLabelName),
      ([("__name__", "a:b_9"), ("_x", "any.thing")], nil),
    ] as [([(String, String)], SeriesRejection?)])
  func `version 1 may be held to classic names`(labels: [(String, String)], rejection: SeriesRejection?) throws {
    var limits = RemoteWriteLimits()
    for (anyNames, expected) in [(true, nil), (false, rejection)] {
      limits.allowsAnyNameInVersion1 = anyNames
      let collector = RemoteWriteCollector()
      _ = try collector.take(RemoteWriteRequest.version1([(labels, [(1, 1)])]), .version1, limits)
      #expect(collector.rejections.first?.rejection == expected)
    }
  }

  @Test func `metadata is handed over, also without any series`() throws {
    let body =
      Proto.bytes(
        3, Proto.number(1, 1) + Proto.text(2, "http_requests") + Proto.text(4, "Requests.") + Proto.text(5, "1"))
      + Proto.bytes(3, Proto.text(2, "up") + Proto.number(1, 7))
      + Proto.bytes(3, Proto.number(1, 99) + Proto.text(2, "x"))
      + Proto.bytes(3, Proto.text(4, "of nothing"))
    let collector = RemoteWriteCollector()
    let tally = try collector.take(body, .version1)
    #expect(collector.families == ["http_requests counter Requests. 1", "up stateset  ", "x unknown  "])
    #expect(tally.metadata == 3 && tally.series == 0)
  }

  @Test func `version 2 says it with the series, and once for neighbours`() throws {
    let metadata = Proto.bytes(5, Proto.number(1, 2) + Proto.number(3, 5) + Proto.number(4, 6))
    let series: [RemoteWriteRequest.Series] = [
      ([("__name__", "up"), ("a", "1")], [(1, 1)]), ([("__name__", "up"), ("a", "a")], [(1, 1)]),
    ]
    let body = RemoteWriteRequest.version2(series, symbols: ["What is up.", "seconds"], series: metadata)
    let collector = RemoteWriteCollector()
    let tally = try collector.take(body, .version2)
    #expect(collector.families == ["up gauge What is up. seconds"])
    #expect(tally.metadata == 1 && tally.samples == 2)
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `histograms and exemplars are counted`(version: RemoteWriteVersion) throws {
    let (histograms, exemplars) = version == .version1 ? (4, 3) : (3, 4)
    let labels =
      version == .version1 ? Proto.label(1, "__name__", "h") : Proto.packed(1, [1, 2])
    let symbols = version == .version1 ? [] : ["", "__name__", "h"].flatMap { Proto.text(4, $0) }
    let series = version == .version1 ? 1 : 5
    let body =
      symbols + Proto.bytes(series, labels + Proto.bytes(histograms, [1, 2, 3]) + Proto.bytes(histograms, []))
      + Proto.bytes(series, labels + Proto.sample(2, 1, 1) + Proto.bytes(exemplars, Proto.double(2, 1)))
    let collector = RemoteWriteCollector()
    let tally = try collector.take(body, version)
    #expect(tally.histograms == 2 && tally.exemplars == 1 && tally.samples == 1 && collector.series.count == 1)
  }

  static let version2Rules: [(SeriesRejection, [UInt8])] = [
    (.unknownSymbol, Proto.packed(1, [1, 3]) + Proto.sample(2, 1, 1)),
    (.unknownSymbol, Proto.packed(1, [1, 1 << 32]) + Proto.sample(2, 1, 1)),
    (.oddLabelReferences, Proto.packed(1, [1, 2, 1]) + Proto.sample(2, 1, 1)),
    (.mixedSamples, Proto.packed(1, [1, 2]) + Proto.sample(2, 1, 1) + Proto.bytes(3, [])),
    (.noSamples, Proto.packed(1, [1, 2])),
  ]

  @Test(arguments: version2Rules.indices)
  func `version 2 has rules of its own`(index: Int) throws {
    let (rejection, series) = Self.version2Rules[index]
    let symbols = ["", "__name__", "up"].flatMap { Proto.text(4, $0) }
    let collector = RemoteWriteCollector()
    let good = Proto.bytes(5, Proto.number(1, 1) + Proto.number(1, 2) + Proto.sample(2, 1, 1))
    let tally = try collector.take(symbols + Proto.bytes(5, series) + good, .version2)
    #expect(collector.rejections.map(\.rejection) == [rejection])
    #expect(tally.series == 1 && collector.series.map(\.labels.description) == ["up"])
  }

  @Test func `symbols may come behind the series that use them`() throws {
    let symbols = ["", "__name__", "up"].flatMap { Proto.text(4, $0) }
    let collector = RemoteWriteCollector()
    _ = try collector.take(Proto.bytes(5, Proto.packed(1, [1, 2]) + Proto.sample(2, 1, 1)) + symbols, .version2)
    #expect(collector.series.map(\.labels.description) == ["up"])
  }

  /// The numbers of the fields are chosen so that one version is nothing but unknown fields for the other.
  @Test func `each version decodes to nothing as the other`() throws {
    let series = [RemoteWriteRequest.up, RemoteWriteRequest.down]
    for (sent, read) in [(RemoteWriteVersion.version1, RemoteWriteVersion.version2), (.version2, .version1)] {
      let collector = RemoteWriteCollector()
      #expect(try collector.take(RemoteWriteRequest.make(sent, series), read) == RemoteWriteTally())
    }
  }

  static let malformed: [(RemoteWriteVersion, [UInt8], String)] = [
    (.version1, [0x0A, 0x10], "WriteRequest.timeseries, byte 1: a length of 16 where 0 bytes are left"),
    (
      .version1, Proto.bytes(1, [0x12, 0x02, 0x10, 0x80]), "Sample.timestamp, byte 5: the message ends within a number"
    ),
    (.version1, Proto.bytes(1, [0x12, 0x02, 0x09, 0x80]), "Sample.value, byte 5: the message ends within a number"),
    (
      .version1, Proto.bytes(1, Proto.bytes(1, Proto.bytes(1, [0xFF])) + Proto.sample(2, 1, 1)),
      "Label.name, byte 6: the text is not UTF-8"
    ),
    (.version1, Proto.bytes(1, Proto.number(2, 1)), "TimeSeries.samples, byte 2: wire type 0 is not this field's"),
    (.version2, Proto.text(4, "up"), "Request.symbols, byte 0: the first symbol has to be the empty one"),
    (.version2, Proto.text(4, "") + Proto.bytes(4, [0xC3]), "Request.symbols, byte 4: the text is not UTF-8"),
    (
      .version2, Proto.bytes(5, Proto.bytes(1, [0x80])),
      "TimeSeries.labels_refs, byte 4: the message ends within a number"
    ),
  ]

  @Test(arguments: malformed.indices)
  func `what is malformed is refused with its field and place`(index: Int) {
    let (version, body, message) = Self.malformed[index]
    do {
      _ = try RemoteWriteCollector().take(body, version)
      Issue.record("taken: \(message)")
    } catch {
      #expect("\(error)" == message)
    }
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `a request has limits`(version: RemoteWriteVersion) throws {
    let three = RemoteWriteRequest.make(version, [RemoteWriteRequest.up, RemoteWriteRequest.down])
    var limits = RemoteWriteLimits()
    (limits.seriesMax, limits.samplesMax, limits.symbolsMax) = (2, 3, 9)
    #expect(try RemoteWriteCollector().take(three, version, limits).samples == 3)
    limits.samplesMax = 2
    #expect(throws: ProtobufError.self) { try RemoteWriteCollector().take(three, version, limits) }
    (limits.seriesMax, limits.samplesMax) = (1, 3)
    #expect(throws: ProtobufError.self) { try RemoteWriteCollector().take(three, version, limits) }
    guard version == .version2 else { return }
    (limits.seriesMax, limits.symbolsMax) = (2, 8)
    #expect(throws: ProtobufError.self) { try RemoteWriteCollector().take(three, version, limits) }
  }

  @Test(arguments: RemoteWriteVersion.allCases)
  func `damage is refused or read, and never more`(version: RemoteWriteVersion) {
    let metadata = Proto.bytes(3, Proto.number(1, 1) + Proto.text(2, "up") + Proto.text(4, "Help."))
    let body =
      RemoteWriteRequest.make(version, [RemoteWriteRequest.up, RemoteWriteRequest.down, RemoteWriteRequest.up])
      + metadata
    var refused = 0
    damaged(body, rounds: 10_000, seed: 11) { broken in
      do { _ = try RemoteWriteCollector().take(broken, version) } catch { refused += 1 }
      if let problem = problemOfWrite(broken, version) { Issue.record("\(problem): \(broken)") }
    }
    #expect(refused > body.count / 2)
  }

  @Test(
    arguments: [
      (nil, .version1), ("application/x-protobuf", .version1), ("Application/X-Protobuf ; charset=utf-8", .version1),
      ("application/x-protobuf;proto=prometheus.WriteRequest", .version1),
      ("application/x-protobuf;proto=io.prometheus.write.v2.Request", .version2),
      ("application/x-protobuf; proto = io.prometheus.write.v2.Request ;", .version2),
      ("application/x-protobuf;proto=io.prometheus.write.v3.Request", nil), ("application/x-protobuf;proto", nil),
      ("application/json", nil), ("", nil),
    ] as [(String?, RemoteWriteVersion?)])
  func `the content type tells the version`(contentType: String?, version: RemoteWriteVersion?) {
    #expect(RemoteWriteVersion(contentType: contentType) == version)
  }
}
