import HTTPServer
import Testing
import TimeSeries

@testable import Gateway

/// Parameters as Prometheus reads them.
@Suite struct ParameterTests {
  @Test(arguments: [
    ("0", 0), ("1698732988.354", 1_698_732_988_354), ("1698732988.3544", 1_698_732_988_354), ("-1.5", -1500),
    ("1.5e3", 1_500_000), ("1E2", 100_000),
    // Milliseconds for seconds, as Grafana's exemplar probe sends them, and what no calendar knows.
    ("1698732988354", 1_698_732_988_354_000), ("1e300", Parameters.timeMax), ("-1e300", -Parameters.timeMax),
    ("-292273086-05-16T16:47:06Z", -Parameters.timeMax), ("292277025-08-18T07:12:54.999999999Z", Parameters.timeMax),
    ("2023-10-31T06:16:28Z", 1_698_732_988_000), ("2023-10-31T06:16:28.354Z", 1_698_732_988_354),
    ("2023-10-31T06:16:28.354123456Z", 1_698_732_988_354), ("2023-10-31T08:16:28.3+02:00", 1_698_732_988_300),
  ])
  func `times`(text: String, milliseconds: Int64) throws {
    #expect(try Parameters([("t", text)]).time("t") == milliseconds)
  }

  @Test(arguments: ["now", "NaN", "Inf", "-inf", "2023-10-31", "1h", " 1", "2023-13-31T06:16:28Z"])
  func `what is no time`(text: String) throws {
    let error = #expect(throws: HTTPError.self) { try Parameters([("start", text)]).time("start") }
    #expect(error?.status == 400)
    #expect(error?.message.hasPrefix(#"invalid parameter "start": cannot parse"#) == true)
  }

  @Test func `an empty time is none`() throws {
    #expect(try Parameters([("t", "")]).time("t") == nil)
    #expect(try Parameters().time("t") == nil)
  }

  @Test(arguments: [
    ("15", 15_000), ("0.2", 200), ("1m0s", 60_000), ("1h0m0s", 3_600_000), ("1d", 86_400_000), ("1w", 604_800_000),
    ("1y", 31_536_000_000), ("1h30m", 5_400_000), ("500ms", 500), ("0", 0), ("1e2", 100_000),
  ])
  func `durations`(text: String, milliseconds: Int64) throws {
    #expect(try Parameters([("d", text)]).duration("d") == milliseconds)
  }

  @Test(arguments: ["1.5h", "1m1h", "1h1h", "h", "1e400", "1e18", "300000y", "Inf", "1 h"])
  func `what is no duration`(text: String) throws {
    let error = #expect(throws: HTTPError.self) { try Parameters([("step", text)]).duration("step") }
    #expect(error?.status == 400)
    #expect(error?.message.hasPrefix(#"invalid parameter "step": "#) == true)
  }

  @Test func `limits`() throws {
    #expect(try Parameters([("limit", "5")]).limit() == 5)
    #expect(try Parameters([("limit", "0")]).limit() == 0)
    #expect(try Parameters().limit() == 0)
    for text in ["-1", "x", "1.5", "99999999999999999999"] {
      let error = #expect(throws: HTTPError.self) { try Parameters([("limit", text)]).limit() }
      #expect(error?.status == 400)
    }
  }

  @Test(arguments: [
    ("http_2e_x", "http_2e_x"), ("U__http_2e_status__code", "http.status_code"), ("U__a_2f_b", "a/b"),
    ("U___1f600_", "😀"), ("U__broken_2", "U__broken_2"), ("job", "job"),
  ])
  func `label names in paths may be escaped`(path: String, name: String) throws {
    let bench = try APIBench()
    try bench.append([["__name__": "m", name: "value"]])
    #expect(try bench.api.labelValues(AdminTests.labelValues(path)).data == #"["value"]"#)
  }

  @Test(arguments: ["", "U__"])
  func `an empty label name is refused`(path: String) throws {
    let api = try APIBench().api
    let error = #expect(throws: HTTPError.self) { try api.labelValues(AdminTests.labelValues(path)) }
    #expect(error?.status == 400 && error?.message.hasPrefix("invalid label name") == true)
  }

  @Test func `what a limit cuts off is told`() throws {
    let bench = try APIBench()
    try bench.append((0..<3).map { ["__name__": "m", "i": "\($0)", "job": "a"] })
    let warning = #","warnings":["results truncated due to limit"]}"#
    func cut(_ answer: (Request) throws -> Response, _ target: String) throws -> [Bool] {
      try [0, 1, 2, 3, 4].map { try answer(request("\(target)&limit=\($0)")).text.hasSuffix(warning) }
    }
    #expect(try cut(bench.api.series, "/x?match[]=m") == [false, true, true, false, false])
    #expect(try cut(bench.api.labels, "/x?a=b") == [false, true, true, false, false])
    #expect(try cut(bench.api.instantQuery, "/x?query=m") == [false, true, true, false, false])
    #expect(
      try cut(bench.api.rangeQuery, "/x?query=m&start=1699999990&end=1700000000&step=5") == [
        false, true, true, false, false,
      ])
    // Scalars and strings are never cut.
    #expect(try cut(bench.api.instantQuery, "/x?query=1") == [false, false, false, false, false])
  }
}
