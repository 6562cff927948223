import Foundation
import Testing
import TimeSeries

@testable import Wire

/// Keeps what the decoder hands over, series by series.
final class CollectingSink: SampleSink {
  var known: [LabelSet: UInt32] = [:]
  var sets: [LabelSet] = []
  var samples: [String] = []
  var rejections: [SampleRejection] = []
  var refusals = 0
  var refuse: SeriesRefusal?
  var generation: UInt32 = 1
  var removals = 0

  func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    if let refuse { throw refuse }
    let set = LabelSet(copying: labels)
    let ref = known[set] ?? UInt32(sets.count)
    if known[set] == nil { sets.append(set) }
    known[set] = ref
    return SeriesToken(ref: ref, generation: generation)
  }
  func append(_ batch: borrowing SampleBatch, stale: inout [Int]) {
    for i in 0..<batch.count {
      if batch.tokens[i].generation != generation {
        stale.append(i)
        continue
      }
      let value = Double(bitPattern: batch.values[i])
      let text = value.isStaleMarker ? "StaleNaN" : FloatText.string(value, .json)
      samples.append("\(sets[Int(batch.tokens[i].ref)]) \(batch.timestamps[i]) \(text)")
    }
  }
  func reject(_ reason: SampleRejection, text: UnsafeRawBufferPointer, byte: Int) { rejections.append(reason) }
  func refuse(_ refusal: SeriesRefusal) { refusals += 1 }
  var seriesCount: Int { sets.count }
  func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void) {
    for (i, token) in tokens.enumerated() { report(i, token.generation == generation) }
  }
}

@Suite struct DeliveredDecoderTests {
  @discardableResult
  static func decode(_ texts: [String], into sink: CollectingSink) -> [DecodedRecord] {
    var decoder = DeliveredDecoder(sink: sink)
    return texts.map { text in
      var bytes = Array(text.utf8)
      let count = bytes.count
      bytes.append(contentsOf: repeatElement(0, count: RecordUnpacker.padding))
      return bytes.withUnsafeBytes { decoder.decode(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    }
  }

  static func samples(_ text: String) -> [String] {
    let sink = CollectingSink()
    decode([text], into: sink)
    return sink.samples
  }

  @Test func `the documented example is read, reserved-looking labels and all`() {
    let text = """
      [
        {
          "__name__": "apiserver_admission_controller_admission_duration_seconds_bucket",
          "name": "MutatingAdmissionWebhook", "type": "admit", "operation": "CREATE", "rejected": "false",
          "le": "0.005", "instance": "10.0.0.1:6443", "pod": "kube-apiserver-0", "namespace": "default",
          "service": "kubernetes", "job": "apiserver", "endpoint": "https", "value": "675.0",
          "timestamp": "1698732988354"
        }
      ]
      """
    #expect(
      Self.samples(text) == [
        #"apiserver_admission_controller_admission_duration_seconds_bucket{endpoint="https", instance="10.0.0.1:6443", "#
          + #"job="apiserver", le="0.005", name="MutatingAdmissionWebhook", namespace="default", operation="CREATE", "#
          + #"pod="kube-apiserver-0", rejected="false", service="kubernetes", type="admit"} 1698732988354 675"#
      ])
  }

  @Test(arguments: [
    (#"{"__name__":"a","value":"1","timestamp":"1698732988354"}"#, "a 1698732988354 1"),
    (#"[{"value":675,"__name__":"a","timestamp":1698732988354}]"#, "a 1698732988354 675"),
    (#"[{"timestamp":"1698732988","__name__":"a","value":"1"}]"#, "a 1698732988000 1"),
    (#"[{"__name__":"a","value":"1","timestamp":"1698732988.354"}]"#, "a 1698732988354 1"),
    (#"[{"__name__":"a","value":"NaN","timestamp":"1698732988354"}]"#, "a 1698732988354 NaN"),
    (#"[{"__name__":"a","value":"-Infinity","timestamp":"1698732988354"}]"#, "a 1698732988354 -Inf"),
    (#"[{"__name__":"a","value":"1.0E16","timestamp":"1698732988354"}]"#, "a 1698732988354 10000000000000000"),
    (#"[{"__name__":"a","value":"StaleNaN","timestamp":"1698732988354"}]"#, "a 1698732988354 StaleNaN"),
    (#"[{"__name__":"a","value":NaN,"timestamp":"1698732988354"}]"#, "a 1698732988354 NaN"),
    (
      #"[{"__name__":"a","b":"\"\\\n\u00e9\ud83d\ude00","value":"1","timestamp":"1698732988354"}]"#,
      "a{b=\"\\\"\\\\\\né😀\"} 1698732988354 1"
    ),
    (
      #"[{"__name__":"a","b":"","c":null,"d":7,"e":true,"value":"1","timestamp":"1698732988354"}]"#,
      #"a{d="7", e="true"} 1698732988354 1"#
    ),
    (
      #"[{"\u0062":"","\u0063":"\u0063","d":"d","__name__":"a","value":"1","timestamp":"1698732988354"}]"#,
      #"a{c="c", d="d"} 1698732988354 1"#
    ),
    (#"[{"\u005f_name__":"a","v\u0061lue":"1","timestamp":"1698732988354"}]"#, "a 1698732988354 1"),
    (#"[{"__name__":"http.requests","a b":"x","value":"1","timestamp":"-5"}]"#, #"{"http.requests", "a b"="x"} -5 1"#),
  ])
  func `samples are read however they are written`(text: String, sample: String) {
    #expect(Self.samples(text) == [sample])
    // The second time around the text is known; the third, foretold.
    let array = text.hasPrefix("[") ? text : "[\(text)]"
    let sink = CollectingSink()
    Self.decode([array, array, array, array], into: sink)
    #expect(sink.samples == Array(repeating: sample, count: 4))
  }

  @Test(arguments: [
    (#"{"value":"1","timestamp":"1698732988354"}"#, SampleRejection.missingName),
    (#"{"__name__":"","value":"1","timestamp":"1698732988354"}"#, .missingName),
    (#"{"__name__":"a","timestamp":"1698732988354"}"#, .missingValue),
    (#"{"__name__":"a","value":null,"timestamp":"1698732988354"}"#, .missingValue),
    (#"{"__name__":"a","value":"1"}"#, .missingTimestamp),
    (#"{"__name__":"a","value":"one","timestamp":"1698732988354"}"#, .badValue),
    (#"{"__name__":"a","value":"","timestamp":"1698732988354"}"#, .badValue),
    (#"{"__name__":"a","value":"1 ","timestamp":"1698732988354"}"#, .badValue),
    (#"{"__name__":"a","value":true,"timestamp":"1698732988354"}"#, .badValue),
    (#"{"__name__":"a","value":"1","timestamp":"soon"}"#, .badTimestamp),
    (#"{"__name__":"a","value":"1","timestamp":"99999999999999999999"}"#, .badTimestamp),
    (#"{"__name__":"a","b":{"c":["}"]},"value":"1","timestamp":"1698732988354"}"#, .nested),
    (#"{"__name__":"a","b":"1","b":"2","value":"1","timestamp":"1698732988354"}"#, .repeatedLabel),
    (#"{"__name__":"a","value":"1","value":"2","timestamp":"1698732988354"}"#, .repeatedLabel),
    (#"{"__name__":"a","":"b","value":"1","timestamp":"1698732988354"}"#, .emptyLabelName),
    (#"{"__name__":"a","b":"\ud800","value":"1","timestamp":"1698732988354"}"#, .invalidUTF8),
    (#"{"__name__":"a","b":"\x","value":"1","timestamp":"1698732988354"}"#, .invalidUTF8),
    ("7", .notAnObject), (#""text""#, .notAnObject), ("[]", .notAnObject), ("null", .notAnObject),
  ])
  func `a bad sample is left out and its neighbours are kept`(bad: String, reason: SampleRejection) {
    let good = #"{"__name__":"good","value":"1","timestamp":"1698732988354"}"#
    let sink = CollectingSink()
    let records = Self.decode(["[\(good),\(bad),\(good)]"], into: sink)
    #expect(sink.rejections == [reason])
    #expect(sink.samples == ["good 1698732988354 1", "good 1698732988354 1"])
    #expect(records[0].samples == 2 && records[0].rejected == 1 && records[0].fault == nil)
  }

  @Test(arguments: ["", "  ", "[]", " [ ] "])
  func `an empty record has no samples and no fault`(text: String) {
    let records = Self.decode([text], into: CollectingSink())
    #expect(records[0].samples == 0 && records[0].fault == nil)
  }

  @Test(arguments: [
    #"[{"__name__":"a","value":"1","timestamp":"1698732988354"}"#, #"[{"__name__":"a""#, #"[{"a":"b"#, "[", "[,]", "x",
    #"[{"a" "b"}]"#, #"[{"a":}]"#, #"[{"a":"b",}]"#, "[] []", #"{"a":"b"} x"#, #"[{"a":"b"}{"a":"b"}]"#, "[1,]", "{",
    "{]",
    #"[{"a":"\"#, "[" + String(repeating: "[", count: 1000),
  ])
  func `text that is no JSON says where`(text: String) {
    let records = Self.decode([text], into: CollectingSink())
    let fault = records[0].fault
    #expect(fault != nil)
    #expect(fault.map { $0.byte <= text.utf8.count } ?? false)
  }

  @Test func `samples before broken JSON are kept`() {
    let sink = CollectingSink()
    let good = #"{"__name__":"a","value":"1","timestamp":"1698732988354"}"#
    let records = Self.decode(["[\(good),\(good),{\"__name__\""], into: sink)
    #expect(sink.samples.count == 2 && records[0].fault != nil)
  }

  @Test func `series that have left the buffer are entered anew`() {
    let sink = CollectingSink()
    let text =
      "["
      + (0..<3000).map { #"{"__name__":"a","i":"\#($0)","value":"1","timestamp":"1698732988354"}"# }
      .joined(separator: ",") + "]"
    var decoder = DeliveredDecoder(sink: sink)
    let bytes = Array(text.utf8) + Array(repeating: 0, count: RecordUnpacker.padding)
    for round in 1...4 {
      let record = bytes.withUnsafeBytes { decoder.decode(UnsafeRawBufferPointer(rebasing: $0[..<text.utf8.count])) }
      #expect(record.samples == 3000)
      #expect(sink.samples.count == 3000 * round)
      // Once noticed by the decoder at the next record, once only by the buffer.
      sink.generation += 1
      if round % 2 == 0 { sink.removals += 1 }
    }
  }

  @Test func `a refused series costs its own samples only`() {
    let sink = CollectingSink()
    let good = #"{"__name__":"a","value":"1","timestamp":"1698732988354"}"#
    let new = #"{"__name__":"b","value":"1","timestamp":"1698732988354"}"#
    var decoder = DeliveredDecoder(sink: sink)
    for (text, refuse) in [("[\(good)]", nil), ("[\(good),\(new),\(good)]", SeriesRefusal.tooManySeries)] {
      sink.refuse = refuse
      let bytes = Array(text.utf8) + Array(repeating: 0, count: RecordUnpacker.padding)
      _ = bytes.withUnsafeBytes { decoder.decode(UnsafeRawBufferPointer(rebasing: $0[..<text.utf8.count])) }
    }
    #expect(sink.samples.count == 3 && sink.refusals == 1)
  }

  // MARK: Against a reference

  /// What a decoder that knows no haste makes of an array, by Foundation's JSON.
  static func reference(_ text: String) -> (samples: [String], rejected: Int)? {
    guard let array = try? JSONSerialization.jsonObject(with: Data(text.utf8)) as? [Any] else { return nil }
    var samples: [String] = []
    var rejected = 0
    for element in array {
      guard let object = element as? [String: Any], let value = object["value"] as? String,
        let timestamp = (object["timestamp"] as? String).flatMap(Int64.init), let number = parse(value)
      else {
        rejected += 1
        continue
      }
      let labels = object.compactMap { key, value in
        key == "value" || key == "timestamp" ? nil : (value as? String).map { Label(key, $0) }
      }
      let set = LabelSet(labels)
      guard !set.metricName.isEmpty else {
        rejected += 1
        continue
      }
      samples.append("\(set) \(timestamp) \(FloatText.string(number, .json))")
    }
    return (samples, rejected)
  }

  static func parse(_ text: String) -> Double? {
    ["+Inf": .infinity, "-Inf": -.infinity, "NaN": .nan][text] ?? (text.isEmpty ? nil : Double(text))
  }

  @Test(arguments: 0..<300 as Range<UInt64>)
  func `random records decode as the reference decoder has them`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    func string(_ text: String) -> String {
      let data = (try? JSONSerialization.data(withJSONObject: [text], options: [.withoutEscapingSlashes])) ?? Data()
      return String(String(decoding: data, as: UTF8.self).dropFirst().dropLast())
    }
    let values = [
      "1", "0", "-0.5", "123456789.123456789", "1e300", "0.1", "99999999999999999", "+Inf", "NaN", "bad", "",
    ]
    let blanks = ["", "", "", " ", "\n  ", "\t"]
    let texts = ["x", "pod-7", "", "quote\"", "back\\slash", "line\nfeed", "é", "😀", "a,b:c}{][", "\"value\":\"5\""]
    var shapes: [[(String, String)]] = []
    for _ in 0..<8 {
      var members = [("__name__", "m\(Int.random(in: 0...3, using: &rng))")]
      for name in ["job", "le", "type", "verb", "timestamps", "values"] where Bool.random(using: &rng) {
        members.append((name, texts.randomElement(using: &rng) ?? ""))
      }
      shapes.append(members.shuffled(using: &rng))
    }
    let records = (0..<6).map { _ -> String in
      let objects = (0..<Int.random(in: 0...30, using: &rng)).map { i -> String in
        var members = shapes[Int.random(in: 0...9, using: &rng) == 0 ? 0 : i % shapes.count]
        let timestamp = Int64.random(in: 1_600_000_000_000...1_800_000_000_000, using: &rng)
        let place = seed % 3 == 0 ? members.count : Int.random(in: 0...members.count, using: &rng)
        members.insert(("value", values.randomElement(using: &rng) ?? "1"), at: place)
        members.insert(
          ("timestamp", "\(timestamp)"),
          at: seed % 3 == 0 ? members.count : Int.random(in: 0...members.count, using: &rng))
        let blank = seed % 2 == 0 ? "" : (blanks.randomElement(using: &rng) ?? "")
        return "{" + blank + members.map { "\(string($0.0)):\(blank)\(string($0.1))" }.joined(separator: ",\(blank)")
          + "}"
      }
      return "[" + objects.joined(separator: seed % 5 == 0 ? ", " : ",") + "]"
    }
    let sink = CollectingSink()
    Self.decode(records, into: sink)
    let expected = records.map { Self.reference($0) }
    #expect(sink.samples == expected.flatMap { $0?.samples ?? [] }, "seed \(seed)")
    #expect(sink.rejections.count == expected.reduce(0) { $0 + ($1?.rejected ?? 0) }, "seed \(seed)")
  }

  @Test(arguments: 0..<400 as Range<UInt64>)
  func `mutilated records never do harm`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let good = #"{"__name__":"a","job":"b\"c","value":"1.5","timestamp":"1698732988354"}"#
    var bytes = Array("[\(good),\(good),\(good)]".utf8)
    let sink = CollectingSink()
    var decoder = DeliveredDecoder(sink: sink)
    for _ in 0..<20 {
      switch Int.random(in: 0...3, using: &rng) {
      case 0: bytes.removeLast(min(bytes.count, Int.random(in: 0...3, using: &rng)))
      case 1: bytes.insert(UInt8.random(in: 0...255, using: &rng), at: Int.random(in: 0...bytes.count, using: &rng))
      default:
        if let i = bytes.indices.randomElement(using: &rng) {
          bytes[i] = (#""\{}[],:0"#.utf8.randomElement(using: &rng) ?? 0)
        }
      }
      let padded = bytes + Array(repeating: 0, count: RecordUnpacker.padding)
      _ = padded.withUnsafeBytes { decoder.decode(UnsafeRawBufferPointer(rebasing: $0[..<bytes.count])) }
    }
  }

  @Test func `what is encoded is the documented format and decodes again`() throws {
    var encoder = DeliveredEncoder()
    let sets = [
      LabelSet([Label("__name__", "up"), Label("Job", "a\"b\\c\n"), Label("value", "5"), Label("timestamp", "6")]),
      LabelSet([Label("__name__", "é"), Label("z", "1")]),
    ]
    for set in sets { set.withLabelBytes { encoder.append(labels: $0, value: 0.1, timestamp: 1_698_732_988_354) } }
    sets[1].withLabelBytes { encoder.append(labels: $0, value: StaleMarker.value, timestamp: 1_698_732_988_355) }
    #expect(encoder.renamedLabels == 2 && encoder.samples == 3)
    let text = try RecordUnpackerTests.unpack(encoder.takeRecord()).text
    #expect(
      String(decoding: text, as: UTF8.self)
        == #"[{"__name__":"up","Job":"a\"b\\c\n","exported_timestamp":"6","exported_value":"5","value":"0.1","timestamp":"1698732988354"},"#
        + #"{"__name__":"é","z":"1","value":"0.1","timestamp":"1698732988354"},"#
        + #"{"__name__":"é","z":"1","value":"StaleNaN","timestamp":"1698732988355"}]"#)
    #expect(Self.samples(String(decoding: text, as: UTF8.self)).count == 3)
    #expect(try RecordUnpackerTests.unpack(encoder.takeRecord()).text == Array("[]".utf8))
  }

  @Test func `elements are taken apart as they stand`() throws {
    let text = Array("[ {\"a\": \"b c\"} , 5, [1, 2] ]".utf8)
    let padded = text + Array(repeating: 0, count: RecordUnpacker.padding)
    var lines: [String] = []
    try padded.withUnsafeBytes { bytes in
      try DeliveredText.forEachElement(UnsafeRawBufferPointer(rebasing: bytes[..<text.count])) { element in
        var line = ByteWriter()
        DeliveredText.appendCompact(element, to: &line)
        lines.append(line.string())
      }
    }
    #expect(lines == [#"{"a":"b c"}"#, "5", "[1,2]"])
  }
}
