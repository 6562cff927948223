internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries
internal import Wire

extension API {
  private static let truncated = "results truncated due to limit"

  func series(_ request: Request) throws(HTTPError) -> Response {
    let selectors = try request.form.selectors()
    guard !selectors.isEmpty else { throw .badRequest("no match[] parameter provided") }
    let limit = try request.form.limit()
    // In the order of their labels, so that replicas and restarts answer alike.
    var tokens = buffer.sortedByLabels(try select(request.form, selectors))
    let isCut = limit > 0 && tokens.count > limit
    if isCut { tokens.removeLast(tokens.count - limit) }
    let warnings = isCut ? [Self.truncated] : []
    return .stream(contentType: Answer.json, source: SeriesStream(buffer, tokens, warnings: warnings))
  }

  func labels(_ request: Request) throws(HTTPError) -> Response {
    let limit = try request.form.limit()
    return cut(buffer.labelNames(of: try carriers(request.form)), to: limit)
  }

  func labelValues(_ request: Request) throws(HTTPError) -> Response {
    let name = NameEscaping.labelName(inPath: request.pathParameter("name") ?? "")
    guard !name.isEmpty else { throw .badRequest("invalid label name: \"\"") }
    let limit = try request.query.limit()
    let carriers = try carriers(request.query)
    var warnings: [String] = []
    var writer = ByteWriter(capacity: 1 << 14)
    writer.append("{\"status\":\"success\",\"data\":[")
    buffer.withLabelValues(name, of: carriers) { count, value in
      let wanted = limit > 0 ? min(limit, count) : count
      if wanted < count { warnings.append(Self.truncated) }
      writer.reserve(wanted * 16)
      for i in 0..<wanted {
        writer.append(i > 0 ? ",\"" : "\"")
        writer.append(jsonEscaped: value(i))
        writer.append(UInt8(ascii: "\""))
      }
    }
    writer.append(UInt8(ascii: "]"))
    Answer.close(&writer, warnings: warnings)
    return .bytes(writer.copy(), contentType: Answer.json)
  }

  private func cut(_ strings: [String], to limit: Int) -> Response {
    guard limit > 0, strings.count > limit else { return Answer.strings(strings) }
    return Answer.strings(Array(strings.prefix(limit)), warnings: [Self.truncated])
  }

  /// The series whose labels are asked for.
  private func carriers(_ parameters: Parameters) throws(HTTPError) -> SampleBuffer.Carriers {
    let selectors = try parameters.selectors()
    if !selectors.isEmpty { return .these(try select(parameters, selectors)) }
    let (start, end) = (try parameters.time("start"), try parameters.time("end"))
    guard start != nil || end != nil else { return .all }
    return .within(from: start ?? -Parameters.timeMax, through: end ?? Parameters.timeMax)
  }

  /// Types and helps by family. Only families that have series are listed.
  func metadata(_ request: Request) throws(HTTPError) -> Response {
    let limit = try count(request, "limit")
    let limitPerMetric = try count(request, "limit_per_metric")
    let wanted = request.query.first("metric").flatMap { $0.isEmpty ? nil : $0 }
    var families = knownFamilies().filter { family in wanted.map { family.name.hasSameBytes(as: $0) } ?? true }
    if let limit { families = Array(families.prefix(limit)) }
    if limitPerMetric == 0 { families = [] }
    return Answer.success { writer in
      writer.append("{")
      for (i, family) in families.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(json: family.name)
        writer.append(":[{\"type\":")
        writer.append(json: family.type.rawValue)
        writer.append(",\"help\":")
        writer.append(json: family.help ?? "")
        writer.append(",\"unit\":")
        writer.append(json: declarations.unit(of: family.name))
        writer.append("}]")
      }
      writer.append("}")
    }
  }

  /// The families that have series, with what is known of them.
  func knownFamilies() -> [MetricFamily] {
    FamilyPlan(
      metricNames: buffer.labelValues(Label.metricName), declared: declared,
      dialect: ExpositionDialect(format: .text004, escaping: .allowUTF8)
    ).families
  }

  /// A whole number; absent or negative means all. Unlike elsewhere 0 means none (`web/api/v1/api.go`,
  /// metricMetadata).
  func count(_ request: Request, _ name: String) throws(HTTPError) -> Int? {
    guard let text = request.query.first(name), !text.isEmpty else { return nil }
    guard let count = Int(text) else { throw .badRequest("\(name) must be a number") }
    return count < 0 ? nil : count
  }
}
