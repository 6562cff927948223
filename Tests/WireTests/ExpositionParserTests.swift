import Testing
import TimeSeries

@testable import Wire

@Suite struct ExpositionParserTests {
  static func read(_ page: String, _ format: ExpositionFormat = .text004) throws(ExpositionError) -> PageCollector {
    let collector = PageCollector()
    _ = try collector.take(Array(page.utf8), format)
    return collector
  }

  static func sample(_ labels: [(String, String)], _ value: Double, at timestamp: Int64? = nil) -> PageCollector.Sample
  {
    PageCollector.Sample(
      labels: LabelSet(labels.map { Label($0.0, $0.1) }), bits: value.bitPattern, timestamp: timestamp)
  }

  @Test func `times are milliseconds in text and seconds in OpenMetrics`() throws {
    let text = try Self.read("a 1 1700000000123\n")
    let openMetrics = try Self.read("a 1 1700000000.123\n# EOF\n", .openMetrics100)
    #expect(text.samples == [Self.sample([("__name__", "a")], 1, at: 1_700_000_000_123)])
    #expect(openMetrics.samples == text.samples)
  }

  @Test(arguments: [
    ("0", 0), ("1", 1000), ("1.5", 1500), ("-1.5", -1500), ("0.0009", 0), ("-0.0009", 0), ("1e3", 1_000_000),
    ("1700000000.999", 1_700_000_000_999), ("862257180.229", 862_257_180_229), ("1.", 1000), (".5", 500),
    ("999999999999999", 999_999_999_999_999_000), ("1.0019", 1001), ("253402300799", 253_402_300_799_000),
  ])
  func `seconds are cut to milliseconds`(text: String, milliseconds: Int64) throws {
    #expect(try Self.read("a 1 \(text)\n# EOF\n", .openMetrics100).samples[0].timestamp == milliseconds)
  }

  @Test(arguments: ["1e16", "-1e300", "9223372036854775.9"])
  func `seconds beyond 64 bits of milliseconds are refused`(text: String) {
    #expect(throws: ExpositionError.self) { try Self.read("a 1 \(text)\n# EOF\n", .openMetrics100) }
  }

  @Test(arguments: ExpositionFormat.allCases)
  func `names in quotes stand within the braces`(format: ExpositionFormat) throws {
    let page = #"{"my.metric","label.one"="1",two="2",} 3"# + "\n" + #"{"q\"\\\nz"} 4"# + "\n# EOF\n"
    let samples = try Self.read(page, format).samples
    #expect(
      samples == [
        Self.sample([("__name__", "my.metric"), ("label.one", "1"), ("two", "2")], 3),
        Self.sample([("__name__", "q\"\\\nz")], 4),
      ])
  }

  @Test(
    arguments: [
      #"a{"b"} 1"#, #"{"a","b"} 1"#, #"{""} 1"#, #"{"a",""="x"} 1"#, #"{"a" 1"#, #"{"a"x="1"} 1"#, "{a} 1", "{} 1",
      #"{"a","b"=} 1"#, #"{"a","__name__"="b"} 1"#, #""a" 1"#, #"{"a"x} 1"#,
    ], ExpositionFormat.allCases)
  func `names in quotes are refused where they mean nothing`(line: String, format: ExpositionFormat) {
    #expect(throws: ExpositionError.self) { try Self.read(line + "\n# EOF\n", format) }
  }

  @Test func `names in quotes are UTF-8`() {
    for name in [[0xFF], [0xC3], [0xED, 0xA0, 0x80]] as [[UInt8]] {
      let collector = PageCollector()
      let series = Array("{\"a".utf8) + name + Array("\"} 1\n".utf8)
      #expect(throws: ExpositionError.self) { try collector.take(series, .text004) }
      let label = Array("a{\"b".utf8) + name + Array("\"=\"\"} 1\n".utf8)
      #expect(throws: ExpositionError.self) { try collector.take(label, .text004) }
      let help = Array("# HELP \"b".utf8) + name + Array("\" x\n".utf8)
      #expect(throws: ExpositionError.self) { try collector.take(help, .text004) }
    }
  }

  @Test func `blanks may lead a line of text`() throws {
    #expect(try Self.read("  \t a 1\n").samples == [Self.sample([("__name__", "a")], 1)])
    #expect(throws: ExpositionError.self) { try Self.read(" a 1\n# EOF\n", .openMetrics100) }
  }

  @Test func `a trailing comma is allowed in OpenMetrics too`() throws {
    let samples = try Self.read("a{x=\"1\",} 1\n# EOF\n", .openMetrics100).samples
    #expect(samples == [Self.sample([("__name__", "a"), ("x", "1")], 1)])
  }

  @Test func `zero bytes are allowed in label values alone`() throws {
    #expect(try Self.read("a{x=\"1\0\"} 1\n").samples == [Self.sample([("__name__", "a"), ("x", "1\0")], 1)])
    for page in ["\0", "a 1\n\0b 1\n", "a\0 1\n", "a 1\0\n", "a 1 \0\n"] {
      #expect(throws: ExpositionError.self) { try Self.read(page) }
    }
  }

  @Test func `a NaN is the ordinary one, never a stale marker`() throws {
    for text in ["NaN", "nan"] {
      #expect(try Self.read("a \(text)\n").samples[0].bits == StaleMarker.normalNaNBits)
    }
  }

  @Test func `empty label values are handed over`() throws {
    final class Sink: ExpositionSink {
      var labels: [[Label]] = []
      func known(_ identity: SeriesIdentity, timestamp: Int64?, bits: UInt64) -> Bool { false }
      func series(
        _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, timestamp: Int64?, bits: UInt64
      ) {
        self.labels.append(labels.map(\.label))
      }
      func metadata(_ metadata: FamilyMetadata) {}
    }
    let sink = Sink()
    var parser = ExpositionParser()
    let page = Array("up{instance=\"\"} 1\n".utf8)
    _ = try page.withUnsafeBytes { page in try parser.parse(page, as: .text004, to: sink) }
    #expect(sink.labels == [[Label("__name__", "up"), Label("instance", "")]])
  }

  // MARK: Families

  @Test func `what is said of a family comes once, before its samples`() throws {
    let page = """
      # HELP requests Requests \\"made\\".\\nAll \\\\ of them.
      # TYPE requests counter
      requests_total 1
      # TYPE size_bytes gauge
      # UNIT size_bytes bytes
      size_bytes 2
      # TYPE nothing info
      # EOF
      """
    #expect(
      try Self.read(page, .openMetrics100).families == [
        .init(name: "requests", type: .counter, help: "Requests \"made\".\nAll \\ of them.", unit: ""),
        .init(name: "size_bytes", type: .gauge, help: "", unit: "bytes"),
        .init(name: "nothing", type: .info, help: "", unit: ""),
      ])
  }

  @Test func `what is said later is added`() throws {
    let page = "# TYPE a gauge\na 1\n# HELP a Late.\na{x=\"1\"} 1\n# HELP \"a\" Later.\n# HELP \"b.c\\\\\" \\\"d\\\"\n"
    #expect(
      try Self.read(page).families == [
        .init(name: "a", type: .gauge, help: "", unit: ""), .init(name: "a", type: .gauge, help: "Late.", unit: ""),
        .init(name: "a", type: .gauge, help: "Later.", unit: ""),
        .init(name: "b.c\\", type: .unknown, help: "\\\"d\\\"", unit: ""),
      ])
  }

  @Test(arguments: [
    ("1", "1.0"), ("0", "0.0"), ("-0", "0.0"), ("-1", "-1.0"), ("0.5", "0.5"), ("1e6", "1e+06"), ("1000000", "1e+06"),
    ("123456", "123456.0"), ("+Inf", "+Inf"), ("inf", "+Inf"), ("-Inf", "-Inf"), ("1e-7", "1e-07"), ("NaN", "NaN"),
    ("x", "x"), ("", ""), ("1.50", "1.5"), ("0x1p4", "0x1p4"),
  ])
  func `bounds of histograms and summaries are written as OpenMetrics wants them`(text: String, bound: String) throws {
    func labels(_ type: String, _ label: String) throws -> LabelSet {
      try Self.read("# TYPE a \(type)\na{\(label)=\"\(text)\"} 1\n").samples[0].labels
    }
    #expect(try labels("histogram", "le")["le"] == bound)
    #expect(try labels("summary", "quantile")["quantile"] == bound)
    #expect(try labels("histogram", "quantile")["quantile"] == text)
    #expect(try labels("summary", "le")["le"] == text)
    #expect(try labels("gauge", "le")["le"] == text)
    #expect(try labels("counter", "quantile")["quantile"] == text)
  }

  @Test func `the same text is another series below another type`() throws {
    let line = "a{le=\"1\"} 1\n"
    let collector = try Self.read(
      line + "# TYPE a histogram\n" + line + "# TYPE b summary\n" + line + "# TYPE c histogram\n" + line)
    #expect(collector.samples.map { $0.labels["le"] } == ["1", "1.0", "1", "1.0"])
    #expect(collector.recognised == 1)
  }

  // MARK: Known series

  @Test(arguments: ExpositionFormat.allCases)
  func `known series are recognised without their labels`(format: ExpositionFormat) throws {
    let lines = (0..<300).map { "m{a=\"\($0 % 7)\",b=\"\($0)\",c=\"\\\"}\"} \($0)" } + ["bare 1", "{\"a b\"} 2"]
    let page = Array((lines.joined(separator: "\n") + "\n# EOF\n").utf8)
    let collector = PageCollector()
    #expect(try collector.take(page, format).samples == 302)
    #expect(collector.recognised == 0)
    let first = collector.samples
    collector.removeAll()
    #expect(try collector.take(page, format).samples == 302)
    #expect(collector.samples == first)
    #expect(collector.recognised == 302)
  }

  @Test func `series with exemplars are read whole each time`() throws {
    let page = Array("a_total{x=\"1\"} 1 # {t=\"} 1\"} 2 3\n# EOF\n".utf8)
    let collector = PageCollector()
    for _ in 0..<2 {
      collector.removeAll()
      let tally = try collector.take(page, .openMetrics100)
      #expect(tally.exemplars == 1 && tally.samples == 1 && collector.recognised == 0)
    }
  }

  @Test func `a series longer than the hash takes is read each time`() throws {
    let page = Array("a{x=\"\(String(repeating: "y", count: 5000))\"} 1\n".utf8)
    let collector = PageCollector()
    for _ in 0..<2 { _ = try collector.take(page, .text004) }
    #expect(collector.samples.count == 2 && collector.recognised == 0)
  }

  @Test func `labels of one series are limited`() throws {
    let pairs = (0..<256).map { "l\($0)=\"\($0)\"" }
    #expect(try Self.read("a{\(pairs.joined(separator: ","))} 1\n").samples[0].labels.labels.count == 257)
    #expect(throws: ExpositionError(problem: .tooManyLabels(limit: 256), line: 1, column: 2599)) {
      try Self.read("a{\(pairs.joined(separator: ",")),x=\"1\"} 1\n")
    }
  }

  // MARK: Errors

  @Test(arguments: [
    ("a 1\nb x\n", "line 2, column 3: \"x\" is no number that fits a double"),
    ("a 1\n\nb{c=\"\n\"} 1\nd{e=f} 1\n", "line 5, column 5: expected a label value in double quotes, found \"f} 1\""),
    ("a 1 -5\n", "line 1, column 5: \"-5\" is no timestamp"),
    ("a 1\r\n", "line 1, column 3: \"1\\\\r\" is no number that fits a double"),
    ("# TYPE a b c\n", "line 1, column 10: \"b c\" is no metric type"),
    ("a{b=\"1\",b=\"2\"} 1\n", "line 1, column 1: the label b occurs twice in one series"),
    ("a", "line 1, column 2: expected a value, found the end of the page"),
    ("a{b=\"c", "line 1, column 5: expected a closing quote, found none"),
    ("{b=\"c\"} 1\n", "line 1, column 1: the series has no metric name"),
    ("<html>\n", "line 1, column 1: expected a metric name or a comment, found \"<html>\""),
  ])
  func `an error says what is wrong and where`(page: String, message: String) {
    let error = #expect(throws: ExpositionError.self) { try Self.read(page) }
    #expect(error?.description == message)
  }

  @Test func `an error in OpenMetrics says what is wrong and where`() {
    let errors = [
      "a 1\n": "line 2, column 1: the page does not end with # EOF, so it may have been cut off",
      "# EOF\na 1\n": "line 2, column 1: something follows # EOF",
      "# UNIT a b\n# EOF\n":
        "line 1, column 10: the unit \"b\" is not the last part of the family's name \"a\"",
      "# a\n# EOF\n": "line 1, column 1: expected # HELP, # TYPE, # UNIT or # EOF, found \"# a\"",
      "a  1\n# EOF\n": "line 1, column 3: expected a value, found \" 1\"",
    ]
    for (page, message) in errors {
      let error = #expect(throws: ExpositionError.self) { try Self.read(page, .openMetrics100) }
      #expect(error?.description == message)
    }
  }
}
