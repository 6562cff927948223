internal import HTTPServer
internal import TimeSeries
internal import Wire

/// promring's own metrics as JSON: the `MetricFamily` messages of `prometheus/client_model` in the JSON form of protocol
/// buffers, in which 64-bit counts are strings.
extension API {
  func selfMetrics(_ request: Request) throws(HTTPError) -> Response {
    var pattern: AnchoredRegex?
    if let text = request.query.first("metric_name_pattern"), !text.isEmpty {
      do throws(AnchoredRegex.SyntaxError) {
        pattern = try AnchoredRegex(text)
      } catch {
        throw .invalid("metric_name_pattern", "\(error)")
      }
    }
    let snapshot = metrics.snapshot()
    let plan = FamilyPlan(
      metricNames: snapshot.metricNames, declared: snapshot.declarations,
      dialect: ExpositionDialect(format: .text004, escaping: .allowUTF8))
    let families = plan.families.filter { pattern?.matches($0.name) ?? true }
    return Answer.success { writer in
      writer.append("[")
      for (i, family) in families.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(protoJSON: family, snapshot)
      }
      writer.append("]")
    }
  }
}

extension ByteWriter {
  fileprivate mutating func append(protoJSON family: MetricFamily, _ snapshot: SelfMetricsSnapshot) {
    append("{")
    member("name", family.name)
    member("help", family.help ?? "")
    let kind: String
    switch family.type {
    case .counter: kind = "counter"
    case .gauge, .info, .stateset: kind = "gauge"
    case .histogram: kind = "histogram"
    case .summary, .gaugeHistogram, .unknown: kind = "untyped"
    }
    member("type", kind.uppercased())
    member("metric")
    append("[")
    if family.type == .histogram {
      histograms(family.name, snapshot)
    } else {
      for (i, sample) in family.metricNames.flatMap({ snapshot.samples(named: $0) }).enumerated() {
        append(i > 0 ? ",{" : "{")
        labels(sample.labels)
        member(kind)
        append("{\"value\":")
        append(protoJSON: sample.value)
        append("}}")
      }
    }
    append("]}")
  }

  private mutating func histograms(_ name: String, _ snapshot: SelfMetricsSnapshot) {
    let sums = snapshot.samples(named: name + "_sum")
    var buckets: [LabelSet: [SelfMetricsSnapshot.Sample]] = [:]
    for bucket in snapshot.samples(named: name + "_bucket") {
      buckets[Self.identity(bucket.labels), default: []].append(bucket)
    }
    for (i, count) in snapshot.samples(named: name + "_count").enumerated() {
      append(i > 0 ? ",{" : "{")
      labels(count.labels)
      let identity = Self.identity(count.labels)
      member("histogram")
      append("{")
      member("sampleCount", FloatText.string(count.value, .plain))
      member("sampleSum")
      append(protoJSON: sums.first { Self.identity($0.labels) == identity }?.value ?? 0)
      member("bucket")
      append("[")
      // The last one has no bound, and the count of all.
      for (k, bucket) in (buckets[identity] ?? []).dropLast().enumerated() {
        append(k > 0 ? ",{" : "{")
        member("cumulativeCount", FloatText.string(bucket.value, .plain))
        member("upperBound")
        append(bucket.labels["le"])
        append("}")
      }
      append("]}}")
    }
  }

  /// What tells the series of a family apart.
  private static func identity(_ labels: LabelSet) -> LabelSet {
    LabelSet(sorted: labels.labels.filter { $0.name != Label.metricName && $0.name != "le" })
  }

  private mutating func labels(_ labels: LabelSet) {
    let own = Self.identity(labels).labels
    guard !own.isEmpty else { return }
    member("label")
    append("[")
    for (i, label) in own.enumerated() {
      append(i > 0 ? ",{" : "{")
      member("name", label.name)
      member("value", label.value)
      append("}")
    }
    append("]")
  }

  private mutating func append(protoJSON value: Double) {
    switch value {
    case .infinity: append("\"Infinity\"")
    case -.infinity: append("\"-Infinity\"")
    case _ where value.isNaN: append("\"NaN\"")
    default: append(value, .json)
    }
  }
}
