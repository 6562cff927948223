import Configuration
import HTTPServer
import Testing
import TimeSeries

@testable import Gateway

/// Paths of which promring has nothing to tell, or little: the shapes are Prometheus' all the same.
@Suite struct PrometheusShapesTests {
  @Test(arguments: [
    ("", "{}"), ("?state=any", "{}"), ("?state=dropped", "{}"), ("?state=Dropped", "{}"), ("?state=active", "null"),
    ("?state=other", "null"), ("?scrapePool=node", "{}"),
  ])
  func `dropped targets are counted only where they were asked for`(
    query: String, counts: String
  ) throws {
    let answer = try APIBench().api.targets(request("/api/v1/targets\(query)"))
    #expect(answer.data == #"{"activeTargets":[],"droppedTargets":[],"droppedTargetCounts":\#(counts)}"#)
  }

  @Test func `empty things have the empty shape`() throws {
    let api = try APIBench().api
    #expect(api.scrapePools().data == #"{"scrapePools":[]}"#)
    #expect(api.alerts().data == #"{"alerts":[]}"#)
    #expect(api.alertmanagers().data == #"{"activeAlertmanagers":[],"droppedAlertmanagers":[]}"#)
    #expect(api.blocks().data == #"{"blocks":[]}"#)
    #expect(api.replayStatus().data == #"{"min":0,"max":0,"current":0}"#)
    #expect(try api.targetsMetadata(request("/x")).data == "[]")
    #expect(try api.metadata(request("/x")).data == "{}")
    #expect(try api.series(request("/x?match[]=up")).data == "[]")
    #expect(try api.labels(request("/x")).data == "[]")
    #expect(try api.queryExemplars(request("/x?query=up")).data == "[]")
    #expect(try api.queryExemplars(request("/x?query=1")).status == 204)
  }

  @Test(arguments: [
    ("scrapePool=", "no scrapePool parameter provided"),
    ("scrapePool=node", "no labels parameter provided"),
    ("scrapePool=node&labels=[1]", #"invalid parameter "labels""#),
    (#"scrapePool=node&labels={"a":1}"#, #"invalid parameter "labels""#),
    (#"scrapePool=node&labels={"a":"1"}"#, #"scrape pool "node" not found"#),
  ])
  func `relabelling needs a pool and labels`(query: String, reason: String) throws {
    let api = try APIBench().api
    let error = #expect(throws: HTTPError.self) { try api.relabelSteps(request("/x?\(query)")) }
    #expect(error?.status == 400)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test func `a pool's configuration needs a pool`() throws {
    let api = try APIBench().api
    let without = #expect(throws: HTTPError.self) { try api.scrapePoolConfiguration(request("/x")) }
    #expect(without?.status == 400 && without?.message == "no scrapePool parameter provided")
    let unknown = #expect(throws: HTTPError.self) { try api.scrapePoolConfiguration(request("/x?scrapePool=a")) }
    #expect(unknown?.status == 400 && unknown?.message.contains(#""a" not found"#) == true)
  }

  @Test(arguments: [
    "", "?type=alert", "?type=RECORD", "?rule_name[]=a&rule_group[]=b&file[]=c", "?match[]={severity=\"page\"}",
    "?exclude_alerts=true", "?group_limit=1", "?limit_alerts=5&unknown=x",
  ])
  func `rules are none`(query: String) throws {
    #expect(try APIBench().api.rules(request("/x\(query)")).data == #"{"groups":[]}"#)
  }

  @Test(arguments: [
    ("type=foo", #"invalid parameter "type": not supported value "foo""#),
    ("match[]={", #"invalid parameter "match[]""#),
    ("match[]={a=\"\"}", "match[] must contain at least one non-empty matcher"),
    ("exclude_alerts=maybe", #"invalid parameter "exclude_alerts""#),
    ("group_next_token=abc", #"invalid parameter "group_next_token""#),
    ("group_next_token=abc&group_limit=5", #"invalid parameter "group_next_token""#),
    ("group_limit=0", #"invalid parameter "group_limit""#),
    ("group_limit=x", #"invalid parameter "group_limit""#),
  ])
  func `wrong parameters of rules are refused`(query: String, reason: String) throws {
    let api = try APIBench().api
    let error = #expect(throws: HTTPError.self) { try api.rules(request("/x?\(query)")) }
    #expect(error?.status == 400)
    #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
  }

  @Test func `metadata is told target by target`() throws {
    let bench = try APIBench {
      $0.export.metrics["node_load1"] = .init(type: .gauge, help: "1m load average.")
    }
    try bench.append([
      ["__name__": "node_load1", "job": "node", "instance": "b"],
      ["__name__": "node_load1", "job": "node", "instance": "a", "cpu": "0"],
      ["__name__": "reads_total", "job": "node", "instance": "a"],
      ["__name__": "recorded:sum"],
    ])
    func entries(_ query: String) throws -> String? {
      try bench.api.targetsMetadata(request("/x?\(query)")).data
    }
    let a = #"{"instance":"a","job":"node"}"#
    let b = #"{"instance":"b","job":"node"}"#
    let load = #""type":"gauge","help":"1m load average.","unit":"""#
    let all = [
      #"{"target":\#(a),"metric":"node_load1",\#(load)}"#,
      #"{"target":\#(a),"metric":"reads_total","type":"counter","help":"","unit":""}"#,
      #"{"target":\#(b),"metric":"node_load1",\#(load)}"#,
    ]
    #expect(try entries("") == "[\(all.joined(separator: ","))]")
    #expect(try entries("match_target={instance=\"b\"}") == "[\(all[2])]")
    #expect(try entries("match_target={job=~\"n.*\",absent=\"\"}") == "[\(all.joined(separator: ","))]")
    #expect(try entries("match_target={job=\"x\"}") == "[]")
    // The name is left out where one metric was asked for.
    #expect(try entries("metric=node_load1") == #"[{"target":\#(a),\#(load)},{"target":\#(b),\#(load)}]"#)
    #expect(try entries("metric=node_load1&limit=1") == #"[{"target":\#(a),\#(load)}]"#)
    #expect(try entries("limit=0") == "[]")
    #expect(try entries("metric=absent") == "[]")
    #expect(throws: HTTPError.self) { try entries("limit=x") }
    #expect(throws: HTTPError.self) { try entries("match_target={") }
  }

  @Test func `features tell what is there`() throws {
    let features = try #require(APIBench().api.features().data)
    for part in [
      #""admin":false"#, #""exclude_alerts":true"#, #""rate":true"#, #""sort_by_label":false"#, #""group_left":true"#,
      #""limitk":false"#, #""=~":true"#, #""unless":true"#, #""native_histograms":false"#,
    ] {
      #expect(features.contains(part), "\(part)")
    }
    for category in ["api", "promql", "promql_functions", "promql_operators", "tsdb"] {
      #expect(features.contains("\"\(category)\":{"))
    }
    #expect(try APIBench { $0.web.enableAdminAPI = true }.api.features().data?.contains(#""admin":true"#) == true)
  }

  @Test func `version is the build information without its envelope`() throws {
    let api = try APIBench().api
    #expect(api.version().text == api.buildInformation().data)
    #expect(api.version().text.hasPrefix(#"{"version":""#))
  }

  @Test func `own metrics are the messages of the client model`() throws {
    let bench = try APIBench()
    let metrics = bench.api.metrics
    metrics.counters("t_reads_total", "Reads.", labels: ["kind"]).with("a").add(3)
    metrics.gauge("t_level", "Level.").set(.infinity)
    let durations = metrics.histograms("t_seconds", "Durations.", labels: ["path"], bounds: [0.5, 1])
    for value in [0.25, 0.75, 3] { durations.with("/x").observe(value) }
    func families(_ pattern: String) throws -> String? {
      try bench.api.selfMetrics(request("/x?metric_name_pattern=\(pattern)")).data
    }
    #expect(
      try families("t_reads_total")
        == #"[{"name":"t_reads_total","help":"Reads.","type":"COUNTER","metric":"#
        + #"[{"label":[{"name":"kind","value":"a"}],"counter":{"value":3}}]}]"#)
    #expect(
      try families("t_l.*") == #"[{"name":"t_level","help":"Level.","type":"GAUGE","metric":"#
        + #"[{"gauge":{"value":"Infinity"}}]}]"#)
    #expect(
      try families("t_seconds")
        == #"[{"name":"t_seconds","help":"Durations.","type":"HISTOGRAM","metric":"#
        + #"[{"label":[{"name":"path","value":"/x"}],"histogram":{"sampleCount":"3","sampleSum":4,"bucket":"#
        + #"[{"cumulativeCount":"1","upperBound":0.5},{"cumulativeCount":"2","upperBound":1}]}}]}]"#)
    // Anchored at both ends.
    #expect(try families("level") == "[]")
    #expect(throws: HTTPError.self) { try families("(") }
    #expect(try bench.api.selfMetrics(request("/x")).data?.contains("promring_samples_in_seconds_total") == true)
  }
}
