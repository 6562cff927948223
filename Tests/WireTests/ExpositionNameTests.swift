import Testing

@testable import Wire

@Suite struct ExpositionNameTests {
  @Test(arguments: [
    ("no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"),
    ("http.status_code", "http_status_code", "http_dot_status__code", "U__http_2e_status__code"),
    ("0digit", "_digit", "__digit", "U___30_digit"),
    ("label with 😱", "label_with__", "label__with____", "U__label_20_with_20__1f631_"),
    ("花火", "__", "____", "U___82b1__706b_"),
    ("", "", "", ""),
  ])
  func `metric names are escaped by scheme`(name: String, underscores: String, dots: String, values: String) {
    #expect(NameEscaping.allowUTF8.escape(metricName: name) == name)
    #expect(NameEscaping.underscores.escape(metricName: name) == underscores)
    #expect(NameEscaping.dots.escape(metricName: name) == dots)
    #expect(NameEscaping.values.escape(metricName: name) == values)
    #expect(NameEscaping.values.unescape(values) == name)
  }

  @Test func `a colon is not of the alphabet of labels`() {
    #expect(NameEscaping.underscores.escape(labelName: "a:b") == "a_b")
    #expect(NameEscaping.values.escape(labelName: "a:b") == "U__a_3a_b")
  }

  @Test func `dots are undone by replacement`() {
    #expect(NameEscaping.dots.unescape("http_dot_status__code") == "http.status_code")
  }

  @Test(arguments: [
    ("U__http_2e_status__code", "http.status_code"), ("U__http_2E_x", "http.x"), ("U__", ""), ("U_x", "U_x"),
    ("job", "job"), ("U__http_2e_status_code", "U__http_2e_status_code"),  // a single underscore does not decode
    ("U__a_", "U__a_"), ("U__a_2e", "U__a_2e"), ("U__a_xyz_", "U__a_xyz_"), ("U__a_110000_", "U__a_110000_"),
    ("U__a_d800_", "U__a_d800_"), ("U__a_1f631_", "a😱"), ("U__a_01f631_", "U__a_01f631_"), ("U__é_2e_", "é."),
    ("U__a_+1_", "U__a_+1_"),
  ])
  func `label names in paths are decoded`(path: String, name: String) {
    #expect(NameEscaping.labelName(inPath: path) == name)
  }

  @Test(arguments: [
    ("http_requests_total", false, false, MetricType.counter), ("x_bucket", true, false, .histogram),
    ("x_bucket", false, false, .unknown), ("x", false, true, .summary), ("x_total", false, true, .unknown),
    ("x_total", true, false, .unknown), ("build_info", false, false, .info), ("x_created", false, false, .gauge),
    ("x_sum", false, false, .unknown), ("x_count", false, false, .unknown), ("_total", false, false, .unknown),
    ("x_total\u{301}", false, false, .unknown),
  ])
  func `a name and its labels suggest a type`(name: String, hasLE: Bool, hasQuantile: Bool, type: MetricType) {
    #expect(MetricType.inferred(name: name, hasLE: hasLE, hasQuantile: hasQuantile) == type)
  }
}
