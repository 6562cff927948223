import Testing

@testable import Wire

@Suite struct ExpositionPlanTests {
  static func plan(
    _ names: [String], _ format: ExpositionFormat, declared: [String: MetricDeclaration] = [:],
    escaping: NameEscaping = .underscores
  ) -> [String] {
    let dialect = ExpositionDialect(format: format, escaping: escaping)
    return FamilyPlan(metricNames: names, declared: declared, dialect: dialect).families.map {
      "\($0.name) \($0.type.rawValue): \($0.metricNames.sorted().joined(separator: " "))"
    }
  }

  @Test(arguments: [
    // names, text, OpenMetrics
    (["up"], ["up unknown: up"], ["up unknown: up"]),
    (["x_total"], ["x_total counter: x_total"], ["x counter: x_total"]),
    (
      ["x_total", "x_created"], ["x_created gauge: x_created", "x_total counter: x_total"],
      ["x counter: x_created x_total"]
    ),
    // The counter's family would be called as the gauge is.
    (
      ["x", "x_total"], ["x unknown: x", "x_total counter: x_total"], ["x unknown: x", "x_total unknown: x_total"]
    ),
    (
      ["x_bucket", "x_count", "x_sum", "x_created"],
      ["x histogram: x_bucket x_count x_sum", "x_created gauge: x_created"],
      ["x histogram: x_bucket x_count x_created x_sum"]
    ),
    (["x_bucket"], ["x histogram: x_bucket"], ["x histogram: x_bucket"]),
    (
      ["x_count", "x_sum"], ["x_count unknown: x_count", "x_sum unknown: x_sum"],
      ["x_count unknown: x_count", "x_sum unknown: x_sum"]
    ),
    (["x", "x_count", "x_sum"], ["x summary: x x_count x_sum"], ["x summary: x x_count x_sum"]),
    // A metric called as the histogram's family is.
    (
      ["x", "x_bucket"], ["x unknown: x", "x_bucket unknown: x_bucket"], ["x unknown: x", "x_bucket unknown: x_bucket"]
    ),
    (
      ["x", "x_bucket", "x_count", "x_sum"], ["x summary: x x_count x_sum", "x_bucket unknown: x_bucket"],
      ["x summary: x x_count x_sum", "x_bucket unknown: x_bucket"]
    ),
    // `x_count` would be a family within the histogram's names.
    (
      ["x_bucket", "x_count_bucket", "x_count_total"],
      ["x histogram: x_bucket", "x_count_bucket unknown: x_count_bucket", "x_count_total counter: x_count_total"],
      ["x histogram: x_bucket", "x_count_bucket unknown: x_count_bucket", "x_count_total unknown: x_count_total"]
    ),
    (["x_info"], ["x_info gauge: x_info"], ["x info: x_info"]),
    // Two families of one name: the counter is first.
    (
      ["x_info", "x_total"], ["x_info gauge: x_info", "x_total counter: x_total"],
      ["x counter: x_total", "x_info unknown: x_info"]
    ),
    (
      ["_total", "_bucket"], ["_bucket unknown: _bucket", "_total unknown: _total"],
      ["_bucket unknown: _bucket", "_total unknown: _total"]
    ),
  ])
  func `names are grouped so that no family's names appear elsewhere`(
    names: [String], text: [String], openMetrics: [String]
  ) {
    #expect(Self.plan(names, .text004) == text)
    #expect(Self.plan(names, .openMetrics100) == openMetrics)
  }

  @Test func `declarations win over names`() {
    let declared: [String: MetricDeclaration] = [
      "x_total": MetricDeclaration(.gauge), "y": MetricDeclaration(.counter, help: "Ys."),
      "z": MetricDeclaration(.counter), "h_count": MetricDeclaration(.gauge), "s": MetricDeclaration(.summary),
      "g": MetricDeclaration(.gauge, help: "Gs."),
    ]
    let names = ["x_total", "y_total", "z", "h_bucket", "h_count", "s_count", "s_sum", "g", "g_bucket"]
    #expect(
      Self.plan(names, .text004, declared: declared) == [
        "g gauge: g", "g_bucket unknown: g_bucket", "h_bucket unknown: h_bucket", "h_count gauge: h_count",
        "s summary: s_count s_sum", "x_total gauge: x_total", "y_total counter: y_total", "z counter: z",
      ])
    // A counter without `_total` cannot be one in OpenMetrics.
    #expect(
      Self.plan(names, .openMetrics100, declared: declared) == [
        "g gauge: g", "g_bucket unknown: g_bucket", "h_bucket unknown: h_bucket", "h_count gauge: h_count",
        "s summary: s_count s_sum", "x_total gauge: x_total", "y counter: y_total", "z unknown: z",
      ])
    let dialect = ExpositionDialect(format: .openMetrics100, escaping: .underscores)
    let plan = FamilyPlan(metricNames: names, declared: declared, defaultHelp: "Anything.", dialect: dialect)
    #expect(plan.families.first { $0.name == "y" }?.help == "Ys.")
    #expect(plan.families.first { $0.name == "g" }?.help == "Gs.")
    #expect(plan.families.first { $0.name == "z" }?.help == "Anything.")
  }

  @Test func `names that escaping makes equal share a family`() {
    let names = ["http.requests_total", "http_requests_total", "http.requests_total"]
    #expect(
      Self.plan(names, .text004) == ["http_requests_total counter: http.requests_total http_requests_total"])
    #expect(
      Self.plan(names, .text004, escaping: .allowUTF8) == [
        "http.requests_total counter: http.requests_total", "http_requests_total counter: http_requests_total",
      ])
    let declared = ["http.requests_total": MetricDeclaration(.gauge)]
    #expect(
      Self.plan(names, .text004, declared: declared) == [
        "http_requests_total gauge: http.requests_total http_requests_total"
      ])
  }

  @Test func `composed and decomposed names are two`() {
    #expect(Self.plan(["\u{e9}", "e\u{301}"], .text004, escaping: .allowUTF8).count == 2)
  }

  @Test func `a federation page has no types and no help`() {
    let plan = FamilyPlan.federation(metricNames: ["b_total", "a_bucket", "a_sum"], escaping: .underscores)
    #expect(plan.families.map(\.name) == ["a_bucket", "a_sum", "b_total"])
    #expect(plan.families.allSatisfy { $0.type == .unknown && $0.help == nil })
  }
}
