import Testing
import TimeSeries

@testable import Wire

/// A series on a page, from its text form without quotes around the values: `name a=1 b=2`.
struct PageSample {
  let labels: LabelSet
  let value: Double
  let timestamp: Int64?

  init(_ series: String, _ value: Double, at timestamp: Int64? = nil) {
    let words = series.split(separator: " ").map(String.init)
    let pairs = words.dropFirst().map { $0.split(separator: "=", maxSplits: 1).map(String.init) }
    labels = LabelSet([Label(Label.metricName, words[0])] + pairs.map { Label($0[0], $0.count > 1 ? $0[1] : "") })
    self.value = value
    self.timestamp = timestamp
  }

  init(labels: [Label], _ value: Double, at timestamp: Int64? = nil) {
    self.labels = LabelSet(labels)
    self.value = value
    self.timestamp = timestamp
  }
}

/// Plans and writes a page of these samples.
func page(
  _ samples: [PageSample], _ format: ExpositionFormat, escaping: NameEscaping = .underscores,
  declared: [String: MetricDeclaration] = [:], extraLabels: [Label] = [], federation: Bool = false
) -> (text: String, tally: ExpositionTally) {
  let dialect = ExpositionDialect(format: format, escaping: escaping)
  var names: [String] = []
  for name in samples.map(\.labels.metricName) where !names.contains(where: { $0.hasSameBytes(as: name) }) {
    names.append(name)
  }
  let plan =
    federation
    ? FamilyPlan.federation(metricNames: names, escaping: escaping)
    : FamilyPlan(metricNames: names, declared: declared, dialect: dialect)
  var writer = ExpositionWriter(dialect, extraLabels: extraLabels)
  for family in plan.families {
    writer.start(family)
    for name in family.metricNames {
      for sample in samples where sample.labels.metricName.hasSameBytes(as: name) {
        sample.labels.withLabelBytes { writer.sample(labels: $0, value: sample.value, timestamp: sample.timestamp) }
      }
    }
  }
  writer.finish()
  return (String(decoding: writer.copy(), as: UTF8.self), writer.tally)
}

@Suite struct ExpositionWriterTests {
  @Test func `text has milliseconds, families in order and no end mark`() {
    let samples = [
      PageSample("up job=a", 1, at: 1_700_000_000_123), PageSample("up job=b", 0),
      PageSample("http_requests_total code=200", 1_234_567, at: 1_700_000_000_000), PageSample("bare", -0.25),
    ]
    let declared = ["up": MetricDeclaration(.gauge, help: "Is it \"up\"?\nOr \\ not.")]
    #expect(
      page(samples, .text004, declared: declared).text == """
        # TYPE bare untyped
        bare -0.25
        # TYPE http_requests_total counter
        http_requests_total{code="200"} 1.234567e+06 1700000000000
        # HELP up Is it "up"?\\nOr \\\\ not.
        # TYPE up gauge
        up{job="a"} 1 1700000000123
        up{job="b"} 0

        """)
  }

  @Test func `OpenMetrics has seconds, families of counters without their suffix and an end mark`() {
    let samples = [
      PageSample("up job=a", 1, at: 1_700_000_000_123),
      PageSample("http_requests_total code=200", 1_234_567, at: 1_700_000_000_000),
      PageSample("http_requests_created code=200", 1.5e9, at: 1_700_000_000_000),
      PageSample("http_requests_total code=500", 2, at: 1_700_000_000_000),
      PageSample("build_info version=1", 1), PageSample("old", 5, at: -1500),
    ]
    let declared = ["up": MetricDeclaration(.gauge, help: "Is it \"up\"?\n")]
    #expect(
      page(samples, .openMetrics100, declared: declared).text == """
        # TYPE build info
        build_info{version="1"} 1
        # TYPE http_requests counter
        http_requests_total{code="200"} 1.234567e+06 1700000000
        http_requests_created{code="200"} 1.5e+09 1700000000
        http_requests_total{code="500"} 2 1700000000
        # TYPE old unknown
        old 5 -1.500
        # HELP up Is it \\"up\\"?\\n
        # TYPE up gauge
        up{job="a"} 1 1700000000.123
        # EOF

        """)
  }

  @Test(arguments: [
    ("plain", "plain"), ("", nil), ("a\"b", #"a\"b"#), ("\\", #"\\"#), ("x\ny", #"x\ny"#), ("tab\tcr\r", "tab\tcr\r"),
    ("0123456789abcdef", "0123456789abcdef"), ("0123456789abcdef\"", #"0123456789abcdef\""#), ("中文", "中文"),
    ("{},= #", "{},= #"), ("\u{7f}\u{0}", "\u{7f}\u{0}"),
  ])
  func `values are escaped where they need it`(value: String, written: String?) {
    let samples = [PageSample(labels: [Label("__name__", "x"), Label("v", value)], 1)]
    let expected = written.map { #"x{v="\#($0)"} 1"# } ?? "x 1"
    #expect(page(samples, .text004).text == "# TYPE x untyped\n\(expected)\n")
  }

  @Test func `a byte to escape is found at every place of a value of any length`() {
    for length in 1...70 {
      for place in 0..<length {
        for special in ["\"", "\\", "\n", "é"] {
          let value = String(repeating: "a", count: place) + special + String(repeating: "z", count: length - place - 1)
          let bytes = Array(value.utf8)
          #expect(bytes.withUnsafeBytes { !LabelText.isPlainValue($0) }, "\(special) at \(place) of \(length)")
        }
      }
      let plain = [UInt8](repeating: UInt8(ascii: "!"), count: length)
      #expect(plain.withUnsafeBytes { LabelText.isPlainValue($0) })
    }
  }

  @Test func `bytes that are no UTF-8 are replaced`() {
    var writer = ExpositionWriter(ExpositionDialect(format: .text004, escaping: .underscores))
    writer.start(MetricFamily(name: "x", type: .gauge, help: nil, metricNames: ["x"], mayRepeat: false))
    let text: [UInt8] = Array("__name__xv".utf8) + [0xff, UInt8(ascii: "\"")]
    text.withUnsafeBytes { bytes in
      let labels = [
        LabelBytes(name: .init(rebasing: bytes[0..<8]), value: .init(rebasing: bytes[8..<9])),
        LabelBytes(name: .init(rebasing: bytes[9..<10]), value: .init(rebasing: bytes[10..<12])),
      ]
      labels.withUnsafeBufferPointer { writer.sample(labels: $0, value: 1, timestamp: nil) }
    }
    writer.finish()
    #expect(String(decoding: writer.copy(), as: UTF8.self) == "# TYPE x gauge\nx{v=\"\u{fffd}\\\"\"} 1\n")
  }

  @Test(arguments: [
    (0.0, "0"), (-0.0, "-0"), (1, "1"), (999_999, "999999"), (1_000_000, "1e+06"), (0.0001, "0.0001"),
    (0.00001, "1e-05"), (.nan, "NaN"), (.infinity, "+Inf"), (-.infinity, "-Inf"), (1.7976931348623157e308, nil),
  ])
  func `numbers look as Go prints them`(value: Double, text: String?) {
    #expect(
      page([PageSample("x", value)], .text004).text == "# TYPE x untyped\nx \(text ?? "1.7976931348623157e+308")\n")
  }

  @Test func `stale markers and timestamps before 1970 are left out and counted`() {
    let samples = [
      PageSample("x a=1", StaleMarker.value), PageSample("x a=2", 2, at: -1), PageSample("x a=3", 3, at: 0),
    ]
    let (text, tally) = page(samples, .text004)
    #expect(text == "# TYPE x untyped\nx{a=\"3\"} 3 0\n")
    #expect((tally.stale, tally.unwritable, tally.samples) == (1, 1, 1))
    #expect(page([PageSample("x", StaleMarker.value)], .openMetrics100).text == "# EOF\n")
  }

  @Test func `a sample without a metric name is left out and counted`() {
    var writer = ExpositionWriter(ExpositionDialect(format: .text004, escaping: .underscores))
    writer.start(MetricFamily(name: "x", type: .gauge, help: nil, metricNames: ["x"], mayRepeat: false))
    LabelSet([Label("a", "1")]).withLabelBytes { writer.sample(labels: $0, value: 1, timestamp: nil) }
    writer.finish()
    #expect(writer.tally.unwritable == 1)
    #expect(writer.count == 0)
  }

  @Test func `UTF-8 names are quoted within the braces`() {
    let samples = [
      PageSample("http.requests host.name=a b=c", 1), PageSample("a\"b", 2), PageSample("plain x.y=1", 3),
      PageSample("h.s_bucket le=+Inf", 3), PageSample("h.s_bucket le=+Inf a=1", 3),
    ]
    #expect(
      page(samples, .text004, escaping: .allowUTF8).text == """
        # TYPE "a\\"b" untyped
        {"a\\"b"} 2
        # TYPE "h.s" histogram
        {"h.s_bucket",le="+Inf"} 3
        {"h.s_bucket",a="1",le="+Inf"} 3
        # TYPE "http.requests" untyped
        {"http.requests",b="c","host.name"="a"} 1
        # TYPE plain untyped
        plain{"x.y"="1"} 3

        """)
  }

  @Test func `of series that escaping makes equal the first one stays`() {
    let samples = [
      PageSample("a.b", 1), PageSample("a_b", 2), PageSample("c x=1 y_z=2", 3), PageSample("c x=1 y.z=2", 4),
      PageSample("c x=2 y.z=2", 5), PageSample("d x.y=1 x0=2", 6), PageSample("d x_y=1 x0=2", 7),
      PageSample("e x.y=1 x_y=2", 8),
    ]
    let (text, tally) = page(samples, .text004)
    #expect(
      text == """
        # TYPE a_b untyped
        a_b 1
        # TYPE c untyped
        c{x="1",y_z="2"} 3
        c{x="2",y_z="2"} 5
        # TYPE d untyped
        d{x0="2",x_y="1"} 6
        # TYPE e untyped
        e{x_y="1"} 8

        """)
    #expect((tally.duplicates, tally.labels, tally.samples) == (3, 1, 5))
    #expect(page(samples, .text004, escaping: .values).tally.duplicates == 0)
    #expect(page(samples, .openMetrics100).tally.duplicates == 3)
  }

  @Test func `held families leave out repeats too`() {
    let samples = [
      PageSample("a.b_total x=1", 1), PageSample("a_b_total x=1", 2), PageSample("h_bucket le=+Inf x.y=1", 1),
      PageSample("h_bucket le=+Inf x_y=1", 1),
    ]
    let (text, tally) = page(samples, .openMetrics100)
    #expect(
      text == """
        # TYPE a_b counter
        a_b_total{x="1"} 1
        # TYPE h histogram
        h_bucket{x_y="1",le="+Inf"} 1
        # EOF

        """)
    #expect(tally.duplicates == 2)
    #expect(page(samples, .text004).tally.duplicates == 2)
  }

  @Test func `reserved labels are left out`() {
    let (text, tally) = page([PageSample("x __meta=1 a=2", 1), PageSample("x __meta=2 a=2", 1)], .text004)
    #expect(text == "# TYPE x untyped\nx{a=\"2\"} 1\n")
    #expect((tally.labels, tally.duplicates) == (2, 1))
    // Escaping may make a name a reserved one; but dots double each underscore.
    #expect(page([PageSample("x éé=1", 1)], .text004).text == "# TYPE x untyped\nx 1\n")
    #expect(page([PageSample("x _y=1", 1)], .text004, escaping: .dots).text == "# TYPE x untyped\nx{__y=\"1\"} 1\n")
  }

  @Test func `a federation page adds the labels that are missing`() {
    let samples = [PageSample("x_total a=1", 1, at: 5), PageSample("x_total instance=i region=eu", 2, at: 6)]
    let extra = [Label("region", "us"), Label("instance", "")]
    #expect(
      page(samples, .text004, extraLabels: extra, federation: true).text == """
        # TYPE x_total untyped
        x_total{a="1",region="us",instance=""} 1 5
        x_total{instance="i",region="eu"} 2 6

        """)
    #expect(
      page([PageSample("x", 1)], .text004, extraLabels: [Label("instance", "")], federation: true).text
        == "# TYPE x untyped\nx{instance=\"\"} 1\n")
  }

  @Test func `a page can be taken away family by family`() {
    var writer = ExpositionWriter(ExpositionDialect(format: .openMetrics100, escaping: .underscores))
    var text = ""
    for name in ["a", "b"] {
      writer.start(MetricFamily(name: name, type: .gauge, help: nil, metricNames: [name], mayRepeat: false))
      LabelSet([Label("__name__", name)]).withLabelBytes { writer.sample(labels: $0, value: 1, timestamp: nil) }
      text += writer.drain { String(decoding: $0, as: UTF8.self) }
      #expect(writer.count == 0)
    }
    writer.finish()
    text += writer.drain { String(decoding: $0, as: UTF8.self) }
    #expect(text == "# TYPE a gauge\na 1\n# TYPE b gauge\nb 1\n# EOF\n")
  }
}
