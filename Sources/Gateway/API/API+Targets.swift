internal import Foundation
internal import HTTPServer
internal import PromQL
internal import SampleBuffer
internal import TimeSeries
internal import Wire

/// What Prometheus tells of its scraping. promring scrapes nobody, its samples come from Kafka: there are no targets in
/// that sense and no scrape pools. What others have scraped shows in the labels `job` and `instance`.
extension API {
  func targets(_ request: Request) -> Response {
    let state = request.query.first("state")?.lowercased() ?? ""
    // As in Prometheus, lists that were not asked for are empty, but the counts are null.
    let counts = ["", "any", "dropped"].contains(state) ? "{}" : "null"
    return Answer.success { writer in
      writer.append("{\"activeTargets\":[],\"droppedTargets\":[],\"droppedTargetCounts\":\(counts)}")
    }
  }

  func scrapePools() -> Response {
    Answer.success { $0.append("{\"scrapePools\":[]}") }
  }

  func scrapePoolConfiguration(_ request: Request) throws(HTTPError) -> Response {
    throw Self.unknown(scrapePool: try Self.required("scrapePool", request))
  }

  func relabelSteps(_ request: Request) throws(HTTPError) -> Response {
    let pool = try Self.required("scrapePool", request)
    let labels = try Self.required("labels", request)
    guard (try? JSONDecoder().decode([String: String].self, from: Data(labels.utf8))) != nil else {
      throw .invalid("labels", "\(labels.quotedForPrometheus) is no JSON object of strings")
    }
    throw Self.unknown(scrapePool: pool)
  }

  private static func required(_ name: String, _ request: Request) throws(HTTPError) -> String {
    guard let text = request.query.first(name), !text.isEmpty else {
      throw .badRequest("no \(name) parameter provided")
    }
    return text
  }

  private static func unknown(scrapePool name: String) -> HTTPError {
    .badRequest("scrape pool \(name.quotedForPrometheus) not found: promring scrapes nobody, samples come from Kafka")
  }

  /// What is known of metrics, target by target. The targets are the pairs of `job` and `instance` among the series.
  func targetsMetadata(_ request: Request) throws(HTTPError) -> Response {
    let limit = try count(request, "limit")
    let matchers = try matchers(request, "match_target")
    let wanted = request.query.first("metric").flatMap { $0.isEmpty ? nil : $0 }
    let families = knownFamilies().filter { family in wanted.map { family.name.hasSameBytes(as: $0) } ?? true }
    let targets = targets(having: families).filter { target in
      matchers.allSatisfy { $0.matches(target.labels[$0.name]) }
    }
    var entries = 0
    return Answer.success { writer in
      writer.append("[")
      for target in targets {
        if let limit, entries >= limit { break }
        for family in target.families.sorted() {
          writer.append(entries > 0 ? ",{\"target\":" : "{\"target\":")
          writer.append(json: target.labels)
          if wanted == nil { writer.member("metric", families[family].name) }
          writer.member("type", families[family].type.rawValue)
          writer.member("help", families[family].help ?? "")
          writer.append(",\"unit\":")
          writer.append(json: declarations.unit(of: families[family].name))
          writer.append("}")
          entries += 1
        }
      }
      writer.append("]")
    }
  }

  private struct Target {
    let labels: LabelSet
    /// Positions in the list of families.
    var families: Set<Int> = []
  }

  private func targets(having families: [MetricFamily]) -> [Target] {
    var places: [[UInt8]: Int] = [:]
    for (place, family) in families.enumerated() {
      for name in family.metricNames { places[Array(name.utf8)] = place }
    }
    let all = buffer.select([])
    var targets: [Target] = []
    var targetByKey: [[UInt8]: Int] = [:]
    // Of each series; none where it tells neither job nor instance.
    var targetOf = [Int?](repeating: nil, count: all.count)
    buffer.withLabelsInSlices(of: all) { i, labels in
      let parts = labels.filter { $0.name.elementsEqual("job".utf8) || $0.name.elementsEqual("instance".utf8) }
      guard !parts.isEmpty else { return }
      var key: [UInt8] = []
      for part in parts {
        key.append(UInt8(part.name.count))  // the two names differ in length
        key.append(contentsOf: part.value)
        key.append(0xFF)  // which no UTF-8 has
      }
      if let known = targetByKey[key] {
        targetOf[i] = known
      } else {
        targetOf[i] = targets.count
        targetByKey[key] = targets.count
        targets.append(Target(labels: parts.withUnsafeBufferPointer { LabelSet(copying: $0) }))
      }
    }
    for (name, positions) in buffer.groupedByMetricName(all) {
      guard let place = places[Array(name.utf8)] else { continue }
      for i in positions {
        if let target = targetOf[i] { targets[target].families.insert(place) }
      }
    }
    return targets.sorted { $0.labels < $1.labels }
  }

  private func matchers(_ request: Request, _ name: String) throws(HTTPError) -> [Matcher] {
    guard let text = request.query.first(name), !text.isEmpty else { return [] }
    do throws(ParseError) {
      return try parseSelector(text)
    } catch {
      throw .invalid(name, "\(error)")
    }
  }
}
