internal import Configuration
internal import Delivery
internal import Foundation
internal import HTTPServer
internal import PromQL
internal import SampleBuffer
internal import Scrape
internal import TimeSeries
internal import Wire

/// What Prometheus tells of its scraping: here the pages that delivery tasks read. Who has scraped the samples that come
/// from Kafka shows in their labels `job` and `instance` only.
extension API {
  /// A source that scrapes is a scrape pool. Its name has the task's in front, as others may have such a source, too.
  private struct ScrapePool {
    let name: String
    let source: TaskStatus.Source
    let targets: [ScrapeStatus]
  }

  private var pools: [ScrapePool] {
    delivery.tasks().flatMap { task in
      task.sources.compactMap { source in
        source.scraping.map { scraping in
          ScrapePool(name: "\(task.definition.name)/\(source.name)", source: source, targets: scraping.targets)
        }
      }
    }
  }

  func targets(_ request: Request) -> Response {
    let state = request.query.first("state")?.lowercased() ?? ""
    let wanted = request.query.first("scrapePool") ?? ""
    let pools = self.pools
    return Answer.success { writer in
      // As in Prometheus, lists that were not asked for are empty, but the counts are null.
      writer.append("{\"activeTargets\":[")
      if ["", "any", "active"].contains(state) {
        var isFirst = true
        for pool in pools where wanted.isEmpty || pool.name == wanted {
          for target in pool.targets {
            if !isFirst { writer.append(",") }
            isFirst = false
            writer.append(target, in: pool.name)
          }
        }
      }
      writer.append("],\"droppedTargets\":[]")
      writer.member("droppedTargetCounts")
      if ["", "any", "dropped"].contains(state) {
        writer.append("{")
        for (i, pool) in pools.enumerated() {
          if i > 0 { writer.append(",") }
          writer.append(json: pool.name)
          writer.append(":0")
        }
        writer.append("}")
      } else {
        writer.append("null")
      }
      writer.append("}")
    }
  }

  func scrapePools() -> Response {
    let names = pools.map(\.name)
    return Answer.success { writer in
      writer.append("{\"scrapePools\":")
      writer.append(json: names)
      writer.append("}")
    }
  }

  /// In YAML, of which JSON is a part.
  func scrapePoolConfiguration(_ request: Request) throws(HTTPError) -> Response {
    let pool = try pool(Self.required("scrapePool", request))
    return Answer.success { writer in
      writer.append("{\"yaml\":")
      writer.append(json: pool.source.definition.json(secrets: false) + "\n")
      writer.append("}")
    }
  }

  /// There are no rules, so there is no step.
  func relabelSteps(_ request: Request) throws(HTTPError) -> Response {
    let name = try Self.required("scrapePool", request)
    let labels = try Self.required("labels", request)
    guard (try? JSONDecoder().decode([String: String].self, from: Data(labels.utf8))) != nil else {
      throw .invalid("labels", "\(labels.quotedForPrometheus) is no JSON object of strings")
    }
    _ = try pool(name)
    return Answer.success { $0.append("{\"steps\":[]}") }
  }

  private func pool(_ name: String) throws(HTTPError) -> ScrapePool {
    guard let pool = pools.first(where: { $0.name == name }) else {
      throw .badRequest("scrape pool \(name.quotedForPrometheus) not found; /api/v1/scrape_pools has their names")
    }
    return pool
  }

  private static func required(_ name: String, _ request: Request) throws(HTTPError) -> String {
    guard let text = request.query.first(name), !text.isEmpty else {
      throw .badRequest("no \(name) parameter provided")
    }
    return text
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

extension ByteWriter {
  /// A target as Prometheus shows it (`web/api/v1/api.go`, `Target`).
  fileprivate mutating func append(_ target: ScrapeStatus, in pool: String) {
    let interval = DurationText.string(target.interval)
    let timeout = DurationText.string(target.timeout)
    append("{")
    member("discoveredLabels")
    append(
      json: LabelSet([
        Label("__address__", target.address), Label("__metrics_path__", target.path),
        Label("__scheme__", target.scheme), Label("__scrape_interval__", interval),
        Label("__scrape_timeout__", timeout), Label("job", target.job),
      ]))
    member("labels")
    append(json: target.labels)
    member("scrapePool", pool)
    member("scrapeUrl", target.url)
    member("globalUrl", target.url)
    member("lastError", target.lastError ?? "")
    member("lastScrape", target.lastScrape.map(ISO8601.string) ?? "0001-01-01T00:00:00Z")
    member("lastScrapeDuration")
    append(target.lastDuration / .seconds(1), .json)
    member("health", target.health.rawValue)
    member("scrapeInterval", interval)
    member("scrapeTimeout", timeout)
    append("}")
  }
}
