internal import Configuration
internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries
internal import Wire

/// Live series with their newest samples, by metric name. Names are told apart by bytes.
struct NewestByMetric {
  struct Group {
    var tokens: [SeriesToken] = []
    var samples: [Sample] = []
  }

  var names: [String] = []
  var byName: [[UInt8]: Group] = [:]
}

/// A page of newest samples, family by family, in parts.
///
/// `@unchecked Sendable`: the server never asks for two parts at once.
final class MetricsPage: ChunkSource, @unchecked Sendable {
  private static let partBytes = 64 << 10
  private static let sliceMax = 256

  private let buffer: SampleBuffer
  private let families: [MetricFamily]
  private let groups: NewestByMetric
  private let own: SelfMetricsSnapshot?
  private let timestamps: Bool
  private var writer: ExpositionWriter
  /// What comes next: a family, a metric of it, series of that.
  private var family = 0
  private var metric = 0
  private var series = 0

  init(
    _ buffer: SampleBuffer, _ groups: NewestByMetric, families: [MetricFamily], own: SelfMetricsSnapshot?,
    writer: consuming ExpositionWriter, timestamps: Bool
  ) {
    self.buffer = buffer
    self.groups = groups
    self.families = families
    self.own = own
    self.timestamps = timestamps
    self.writer = writer
  }

  func next(into chunk: inout [UInt8]) throws -> Bool {
    while writer.count < Self.partBytes, family < families.count { writeSome() }
    let isLast = family == families.count
    if isLast { writer.finish() }
    writer.drain { chunk.append(contentsOf: $0) }
    return !isLast
  }

  /// Writes a slice of the open family, or begins the next one.
  private func writeSome() {
    let next = families[family]
    guard metric < next.metricNames.count else {
      if writer.endFamily(bytesMax: Self.partBytes) { (family, metric) = (family + 1, 0) }
      return
    }
    if metric == 0, series == 0 { writer.start(next) }
    let name = next.metricNames[metric]
    if let group = groups.byName[Array(name.utf8)], series < group.tokens.count {
      let end = min(series + Self.sliceMax, group.tokens.count)
      write(group, series..<end)
      series = end
    } else {
      own?.write(metricNamed: name, to: &writer)
      (metric, series) = (metric + 1, 0)
    }
  }

  private func write(_ group: NewestByMetric.Group, _ slice: Range<Int>) {
    buffer.withLabelsAndChanges(of: group.tokens[slice]) { i, labels, changes in
      guard !labels.isEmpty else { return }
      let sample = group.samples[i]
      writer.sample(
        labels: labels, changes: changes, value: sample.value, timestamp: timestamps ? sample.timestamp : nil)
    }
  }
}

extension API {
  /// The newest sample of every live series, then promring's own metrics among them by name.
  func metricsPage(_ request: Request) throws(HTTPError) -> Response {
    let dialect = ExpositionFormat.negotiate(accept: request.headers["Accept"])
    if let only = request.query.first("self") {
      guard only == "only" else { throw .invalid("self", "\(only.quotedForPrometheus) is not \"only\"") }
      return vary(.bytes(metrics.snapshot().page(dialect), contentType: dialect.contentType))
    }
    let selectors = try request.query.selectors()
    let timestamps = try request.query.flag("timestamps") ?? configuration.export.timestamps
    let oldest = clock() - configuration.export.staleness.wholeMilliseconds
    let groups = newest(selectors, since: oldest)
    // A page of selected series is of those alone.
    let own = selectors.isEmpty ? metrics.snapshot() : nil
    let plan = FamilyPlan(
      metricNames: groups.names + (own?.metricNames ?? []),
      declared: declared.merging(own?.declarations ?? [:]) { configured, _ in configured }, dialect: dialect)
    let page = MetricsPage(
      buffer, groups, families: plan.families, own: own,
      writer: ExpositionWriter(dialect, labelNames: buffer.labelNames()), timestamps: timestamps)
    return vary(.stream(contentType: dialect.contentType, source: page))
  }

  /// As Prometheus' own (`web/federate.go`): the newest sample within the lookback of each selected series, untyped.
  func federationPage(_ request: Request) throws(HTTPError) -> Response {
    let dialect = ExpositionFormat.negotiate(accept: request.headers["Accept"], openMetrics: false)
    let selectors: [[Matcher]]
    do throws(HTTPError) {
      selectors = try request.query.selectors()
    } catch {
      return .text(error.message + "\n", status: 400)  // plain text here, as in Prometheus
    }
    let oldest = clock() - configuration.query.lookbackDelta.wholeMilliseconds
    let groups = selectors.isEmpty ? NewestByMetric() : newest(selectors, since: oldest)
    let page = MetricsPage(
      buffer, groups, families: FamilyPlan.federation(metricNames: groups.names, escaping: dialect.escaping).families,
      own: nil,
      writer: ExpositionWriter(
        dialect, extraLabels: [Label("instance", "")], labelNames: buffer.labelNames()), timestamps: true)
    return vary(.stream(contentType: dialect.contentType, source: page))
  }

  private func vary(_ response: Response) -> Response {
    var response = response
    response.headers.add("Vary", "Accept")
    return response
  }

  /// Series by metric name with their newest samples, leaving out those whose newest is older than `oldest` or ends the
  /// series.
  private func newest(_ selectors: [[Matcher]], since oldest: Int64) -> NewestByMetric {
    let tokens = selectors.isEmpty ? buffer.select([]) : buffer.select(anyOf: selectors)
    let samples = buffer.newest(tokens)
    var groups = NewestByMetric()
    for (name, positions) in buffer.groupedByMetricName(tokens) {
      var group = NewestByMetric.Group()
      for i in positions {
        guard let sample = samples[i], sample.timestamp >= oldest, !sample.value.isStaleMarker else { continue }
        group.tokens.append(tokens[i])
        group.samples.append(sample)
      }
      if !group.tokens.isEmpty {
        groups.names.append(name)
        groups.byName[Array(name.utf8)] = group
      }
    }
    return groups
  }
}
