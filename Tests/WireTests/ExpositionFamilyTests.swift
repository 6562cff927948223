import Testing
import TimeSeries

@testable import Wire

/// Histograms, summaries and counters, and what becomes of those that are none.
@Suite struct ExpositionFamilyTests {
  static let histogram = [
    PageSample("h_bucket le=+Inf x=1", 3, at: 1000), PageSample("h_bucket le=0.5 x=1", 1, at: 1000),
    PageSample("h_bucket le=1 x=1", 2, at: 1000), PageSample("h_bucket le=0.5 x=2", 0, at: 1000),
    PageSample("h_bucket le=+Inf x=2", 7, at: 1000), PageSample("h_count x=1", 3, at: 1000),
    PageSample("h_count x=2", 7, at: 1000), PageSample("h_sum x=1", 2.5, at: 1000),
    PageSample("h_sum x=2", 9, at: 1000),
  ]

  @Test func `a histogram is put in order`() {
    let (text, tally) = page(Self.histogram, .text004)
    #expect(
      text == """
        # TYPE h histogram
        h_bucket{x="1",le="0.5"} 1 1000
        h_bucket{x="1",le="1"} 2 1000
        h_bucket{x="1",le="+Inf"} 3 1000
        h_sum{x="1"} 2.5 1000
        h_count{x="1"} 3 1000
        h_bucket{x="2",le="0.5"} 0 1000
        h_bucket{x="2",le="+Inf"} 7 1000
        h_sum{x="2"} 9 1000
        h_count{x="2"} 7 1000

        """)
    #expect((tally.samples, tally.demoted) == (9, 0))
    let openMetrics = text.replacing("le=\"1\"", with: "le=\"1.0\"").replacing(" 1000\n", with: " 1\n")
    #expect(page(Self.histogram, .openMetrics100).text == openMetrics + "# EOF\n")
  }

  @Test(arguments: [
    // An odd series, and whether text and OpenMetrics still call the family a histogram.
    (PageSample("h_bucket x=1", 1, at: 1000), false, false),
    (PageSample("h_bucket le=many x=1", 1, at: 1000), false, false),
    (PageSample("h_bucket le=NaN x=1", 1, at: 1000), false, false),
    (PageSample("h_bucket le=1e999 x=1", 1, at: 1000), false, false),
    (PageSample("h_count le=1 x=1", 1, at: 1000), false, false),
    (PageSample("h_bucket le=0.7 x=1", 1, at: 2000), true, false),
    (PageSample("h_bucket le=0.7 x=1", 1), true, false),
    (PageSample("h_bucket le=0.7 x=1", 3, at: 1000), true, false),
    (PageSample("h_bucket le=0.7 x=1", 1.5, at: 1000), true, false),
    (PageSample("h_bucket le=0.7 x=1", .nan, at: 1000), true, false),
    (PageSample("h_bucket le=0.1 x=1", -1, at: 1000), true, false),
    (PageSample("h_bucket le=-1 x=1", 0, at: 1000), true, false),
    (PageSample("h_bucket le=0.7 x=3", 1, at: 1000), true, false),
    (PageSample("h_bucket le=+Inf x=3", 1, at: 1000), true, true),
    (PageSample("h_sum x=3", 1, at: 1000), true, false),
    (PageSample("h_count x=3", 1, at: 1000), true, false),
    (PageSample("h_bucket le=0.7 x=1", 1, at: 1000), true, true),
    (PageSample("h_bucket le=1.0 x=1", 2, at: 1000), true, true),
    (PageSample("h_created x=1", 5, at: 1000), true, true),
    (PageSample("h_created x=9", 5, at: 1000), true, false),
    (PageSample("h x=1", 5, at: 1000), false, false),
  ])
  func `one odd series costs the family its type at most`(odd: PageSample, inText: Bool, inOpenMetrics: Bool) {
    for (format, isTyped) in [(ExpositionFormat.text004, inText), (.openMetrics100, inOpenMetrics)] {
      let (text, tally) = page(Self.histogram + [odd], format)
      #expect(text.contains("# TYPE h histogram\n") == isTyped)
      let word = format == .text004 ? "untyped" : "unknown"
      #expect(text.contains("# TYPE h_bucket \(word)\n") == !isTyped)
      // All are there, but for the second bucket of bound 1 in OpenMetrics.
      #expect(tally.samples + tally.duplicates == Self.histogram.count + 1)
    }
  }

  @Test func `a family that is none stands metric by metric as it came`() {
    let samples = [
      PageSample("h_bucket le=1", 1), PageSample("h_bucket le=zonk", 2), PageSample("h_sum", 3),
      PageSample("h_bucket le=0.5 a=1", 4),
    ]
    let (text, tally) = page(samples, .openMetrics100, declared: ["h": MetricDeclaration(.histogram, help: "Hs.")])
    #expect(
      text == """
        # HELP h_bucket Hs.
        # TYPE h_bucket unknown
        h_bucket{le="1"} 1
        h_bucket{le="zonk"} 2
        h_bucket{a="1",le="0.5"} 4
        # HELP h_sum Hs.
        # TYPE h_sum unknown
        h_sum 3
        # EOF

        """)
    #expect(tally.demotedNames == ["h"])
  }

  @Test func `bounds of equal value are one bucket in OpenMetrics and two in text`() {
    let samples = [
      PageSample("h_bucket le=1", 1), PageSample("h_bucket le=1.0", 1), PageSample("h_bucket le=+Inf", 1),
    ]
    let (text, tally) = page(samples, .openMetrics100)
    #expect(text == "# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 1\n# EOF\n")
    #expect(tally.duplicates == 1)
    #expect(
      page(samples, .text004).tally
        == {
          var t = ExpositionTally()
          t.samples = 3
          return t
        }())
  }

  static let summary = [
    PageSample("s quantile=0.99", 7, at: 1000), PageSample("s quantile=0.5", .nan, at: 1000),
    PageSample("s quantile=1", 9, at: 1000), PageSample("s_count", 3, at: 1000), PageSample("s_sum", 2, at: 1000),
  ]

  @Test func `a summary is put in order`() {
    #expect(
      page(Self.summary, .openMetrics100).text == """
        # TYPE s summary
        s{quantile="0.5"} NaN 1
        s{quantile="0.99"} 7 1
        s{quantile="1.0"} 9 1
        s_sum 2 1
        s_count 3 1
        # EOF

        """)
  }

  @Test(arguments: [
    (PageSample("s a=1", 1, at: 1000), false, false), (PageSample("s quantile=half", 1, at: 1000), false, false),
    (PageSample("s_sum quantile=0.5", 1, at: 1000), false, false),
    (PageSample("s quantile=50", 1, at: 1000), true, false), (PageSample("s quantile=0.9", -1, at: 1000), true, false),
    (PageSample("s quantile=0.9", 1, at: 1001), true, false), (PageSample("s_sum a=1", -1, at: 1000), true, false),
    (PageSample("s_count a=1", 0.5, at: 1000), true, false), (PageSample("s_count a=1", 1, at: 1000), true, true),
  ])
  func `an odd series costs a summary its type at most`(odd: PageSample, inText: Bool, inOpenMetrics: Bool) {
    for (format, isTyped) in [(ExpositionFormat.text004, inText), (.openMetrics100, inOpenMetrics)] {
      let (text, tally) = page(Self.summary + [odd], format)
      #expect(text.contains("# TYPE s summary\n") == isTyped)
      #expect((tally.samples, tally.demoted) == (6, isTyped ? 0 : 1))
    }
  }

  @Test(arguments: [
    ("x_total", Double.nan, "x_total unknown"), ("x_total", -1, "x_total unknown"), ("x_total", 0, "x counter"),
    ("x_total", .infinity, "x counter"), ("x_info", 1, "x info"), ("x_info", 2, "x_info unknown"),
  ])
  func `OpenMetrics counters do not fall below zero, infos are one`(name: String, value: Double, header: String) {
    let samples = [PageSample("\(name) a=1", 1), PageSample("\(name) a=2", value)]
    let text = page(samples, .openMetrics100).text
    #expect(text.hasPrefix("# TYPE \(header)\n\(name){a=\"1\"} 1\n\(name){a=\"2\"} "))
    #expect(page(samples, .text004).text.contains(name == "x_total" ? " counter\n" : " gauge\n"))
  }

  @Test func `infos have timestamps together or not at all`() {
    let mixed = [PageSample("x_info a=1", 1, at: 1000), PageSample("x_info a=2", 1)]
    #expect(page(mixed, .openMetrics100).text.hasPrefix("# TYPE x_info unknown\n"))
    let dated = [PageSample("x_info a=1", 1, at: 2000), PageSample("x_info a=2", 1, at: 1000)]
    #expect(page(dated, .openMetrics100).text.hasPrefix("# TYPE x info\n"))
  }

  @Test func `samples of one counter have one moment in OpenMetrics`() {
    let samples = [PageSample("x_total", 1, at: 2000), PageSample("x_created", 1, at: 1000)]
    #expect(
      page(samples, .openMetrics100).text == """
        # TYPE x_total unknown
        x_total 1 2
        # TYPE x_created unknown
        x_created 1 1
        # EOF

        """)
  }

  @Test func `groups are told apart among many`() {
    var samples: [PageSample] = []
    for le in ["0.1", "1", "+Inf"] {
      for i in 0..<500 { samples.append(PageSample("h_bucket a=\(i) le=\(le)", le == "+Inf" ? 2 : 1)) }
    }
    for i in (0..<500).reversed() { samples += [PageSample("h_sum a=\(i)", 1), PageSample("h_count a=\(i)", 2)] }
    let (text, tally) = page(samples, .openMetrics100)
    #expect((tally.samples, tally.demoted) == (2500, 0))
    #expect(
      text.contains(
        "\nh_bucket{a=\"77\",le=\"0.1\"} 1\nh_bucket{a=\"77\",le=\"1.0\"} 1\nh_bucket{a=\"77\",le=\"+Inf\"} 2\n"
          + "h_sum{a=\"77\"} 1\nh_count{a=\"77\"} 2\nh_bucket{a=\"78\","))
  }
}
