import Configuration
import HTTPServer
import SampleBuffer
import Testing
import TimeSeries

@testable import Gateway

@Suite struct AdminTests {
  private func enabled() throws -> APIBench { try APIBench { $0.web.enableAdminAPI = true } }

  @Test func `nothing is deleted unless the operator allows it`() throws {
    let bench = try APIBench()
    try bench.append([["__name__": "up"]])
    let answers = [
      try bench.api.deleteSeries(request("/x", form: "match[]=up")), bench.api.cleanTombstones(),
      try bench.api.snapshot(request("/x")),
    ]
    for answer in answers {
      #expect(answer.status == 500)
      #expect(answer.text == #"{"status":"error","errorType":"unavailable","error":"admin APIs disabled"}"#)
    }
    #expect(bench.api.buffer.seriesCount == 1)
  }

  @Test func `deleted samples are gone from every page at once`() throws {
    let bench = try enabled()
    try bench.append([["__name__": "up", "job": "a"], ["__name__": "up", "job": "b"], ["__name__": "down"]])
    try bench.append([["__name__": "up", "job": "b"]], ago: 60_000)
    let api = bench.api
    // The newest sample of b goes, the one before stays; then a whole.
    let range = "match[]=up{job=\"b\"}&start=1699999990&end=1700000000"
    #expect(try api.deleteSeries(request("/x", form: range)).status == 204)
    #expect(try api.deleteSeries(request("/x?match[]=up{job=\"a\"}&match[]=absent")).status == 204)
    #expect(try api.series(request("/x?match[]=up")).data == #"[{"__name__":"up","job":"b"}]"#)
    #expect(try api.labelValues(Self.labelValues("job")).data == #"["b"]"#)
    let query = try api.instantQuery(request("/x?query=count_over_time({__name__=~\".%2B\"}[5m])"))
    #expect(query.data?.contains(#""job":"b""#) == true && query.data?.contains(#""job":"a""#) == false)
    #expect(
      Self.page(try api.federationPage(request("/federate?match[]=up"))).contains(
        "up{job=\"b\",instance=\"\"} 1 1699999940000\n"))
    #expect(Self.page(try api.federationPage(request("/federate?match[]=up"))).contains("job=\"a\"") == false)
    #expect(api.cleanTombstones().status == 204)
    #expect(api.buffer.statistics().counts.deleted == 2)
  }

  @Test(arguments: [
    ("", "no match[] parameter provided"), ("match[]={", #"invalid parameter "match[]""#),
    ("match[]={a=\"\"}", "at least one non-empty matcher"), ("match[]=up&start=x", #"invalid parameter "start""#),
    ("match[]=up&end=x", #"invalid parameter "end""#), ("match[]=up&start=2&end=1", #"invalid parameter "end""#),
  ])
  func `wrong parameters delete nothing`(query: String, reason: String) throws {
    let bench = try enabled()
    try bench.append([["__name__": "up"]])
    let error = #expect(throws: HTTPError.self) { try bench.api.deleteSeries(request("/x?\(query)")) }
    #expect(error?.status == 400)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
    #expect(bench.api.buffer.seriesCount == 1)
  }

  @Test func `there are no snapshots`() throws {
    let bench = try enabled()
    let answer = try bench.api.snapshot(request("/x", form: "skip_head=true"))
    #expect(answer.status == 500)
    #expect(answer.text.contains(#""errorType":"unavailable""#) && answer.text.contains("nothing on disk"))
    #expect(throws: HTTPError.self) { try bench.api.snapshot(request("/x", form: "skip_head=maybe")) }
  }

  static func labelValues(_ name: String) throws -> Request {
    try Request(target: "/api/v1/label/\(name)/values", pathParameters: Parameters([("name", name)]))
  }

  /// A page that comes in parts, put together.
  static func page(_ response: Response) -> String {
    guard case .stream(let source) = response.body else { return response.text }
    var whole: [UInt8] = []
    var more = true
    while more {
      var part: [UInt8] = []
      more = (try? source.next(into: &part)) ?? false
      whole += part
    }
    return String(decoding: whole, as: UTF8.self)
  }
}
