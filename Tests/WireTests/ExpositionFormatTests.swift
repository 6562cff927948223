import Testing
import Wire

@Suite struct ExpositionFormatTests {
  static let openMetrics = "application/openmetrics-text"

  @Test(arguments: [
    // What Prometheus has sent over the years.
    (
      "\(openMetrics);version=1.0.0,\(openMetrics);version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
      ExpositionFormat.openMetrics100, NameEscaping.underscores
    ),
    ("\(openMetrics);version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=2", .openMetrics100, .underscores),
    (
      "\(openMetrics);version=1.0.0;escaping=allow-utf-8;q=0.6,\(openMetrics);version=0.0.1;q=0.5,"
        + "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
      .openMetrics100, .allowUTF8
    ),
    (
      "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,"
        + "text/plain;version=1.0.0;escaping=allow-utf-8;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3",
      .text004, .allowUTF8
    ),
    ("text/plain;version=0.0.4;escaping=values;q=0.6,\(openMetrics);q=0.5;escaping=dots", .text004, .values),
    // What else may come.
    ("", .text004, .underscores),
    ("*/*", .text004, .underscores),
    ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", .text004, .underscores),
    ("application/json", .text004, .underscores),
    ("Application/OpenMetrics-Text ; Version = \"1.0.0\" ; Escaping=Allow-UTF-8", .openMetrics100, .allowUTF8),
    ("\(openMetrics);version=2.0.0", .text004, .underscores),
    ("\(openMetrics);version=2.0.0,\(openMetrics);version=0.0.1;q=0.1", .openMetrics100, .underscores),
    ("text/plain;q=0.5,\(openMetrics);q=high", .text004, .underscores),
    ("text/plain;q=0.5,\(openMetrics);q=nan", .text004, .underscores),
    ("text/plain;q=0.5,\(openMetrics);q=-1", .text004, .underscores),
    ("text/plain;q=0.5,\(openMetrics);q=0", .text004, .underscores),
    ("text/plain;escaping=zigzag", .text004, .underscores),
    (";;=,,;q", .text004, .underscores),
  ])
  func `the heaviest clause that we speak decides`(accept: String, format: ExpositionFormat, escaping: NameEscaping) {
    #expect(ExpositionFormat.negotiate(accept: accept) == ExpositionDialect(format: format, escaping: escaping))
  }

  @Test func `of equal weights the first one decides`() {
    #expect(ExpositionFormat.negotiate(accept: "text/plain,\(Self.openMetrics)").format == .text004)
    #expect(ExpositionFormat.negotiate(accept: "\(Self.openMetrics),text/plain").format == .openMetrics100)
  }

  @Test func `no header means text`() {
    #expect(ExpositionFormat.negotiate(accept: nil) == ExpositionDialect(format: .text004, escaping: .underscores))
  }

  @Test func `OpenMetrics can be left out`() {
    let accept = "\(Self.openMetrics);version=1.0.0,text/plain;q=0.5"
    #expect(ExpositionFormat.negotiate(accept: accept, openMetrics: false).format == .text004)
  }

  @Test func `the content type names format and escaping`() {
    #expect(
      ExpositionDialect(format: .text004, escaping: .underscores).contentType
        == "text/plain; version=0.0.4; charset=utf-8; escaping=underscores")
    #expect(
      ExpositionDialect(format: .openMetrics100, escaping: .allowUTF8).contentType
        == "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=allow-utf-8")
  }
}
