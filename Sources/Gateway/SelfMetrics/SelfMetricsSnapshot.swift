public import TimeSeries
public import Wire

/// promring's own metrics at one moment.
///
/// A page that also shows metrics from Kafka may find the same names there: another promring's, or the `process_…` of
/// about every program. Such a page plans over the names of both, and within each family writes the samples of both.
public struct SelfMetricsSnapshot: Sendable {
  public struct Sample: Sendable {
    /// Of the series: `…_bucket`, `…_sum` and `…_count` for a histogram.
    public let metricName: String
    /// With `__name__`.
    public let labels: LabelSet
    public let value: Double

    init(_ metricName: String, _ labels: LabelSet, _ value: Double) {
      self.metricName = metricName
      self.labels = labels
      self.value = value
    }
  }

  public private(set) var samples: [Sample] = []
  /// Types and helps, by family.
  public private(set) var declarations: [String: MetricDeclaration] = [:]
  private var places: [String: [Int]] = [:]

  /// The names of the metrics that have samples.
  public var metricNames: [String] { Array(places.keys) }

  /// The samples of one metric.
  func samples(named name: String) -> [Sample] { (places[name] ?? []).map { samples[$0] } }

  /// Writes the samples of one metric into the family that is open on the page.
  public func write(metricNamed name: String, to writer: inout ExpositionWriter) {
    for sample in samples(named: name) {
      sample.labels.withLabelBytes { writer.sample(labels: $0, value: sample.value, timestamp: nil) }
    }
  }

  /// A page of nothing else.
  public func page(_ dialect: ExpositionDialect) -> [UInt8] {
    let plan = FamilyPlan(metricNames: metricNames, declared: declarations, dialect: dialect)
    var writer = ExpositionWriter(dialect)
    for family in plan.families {
      writer.start(family)
      for name in family.metricNames { write(metricNamed: name, to: &writer) }
    }
    writer.finish()
    return writer.copy()
  }

  mutating func declare(_ definitions: [MetricDefinition]) {
    for definition in definitions {
      declarations[definition.name] = MetricDeclaration(definition.type, help: definition.help)
    }
  }

  mutating func add(_ metricName: String, _ labels: LabelSet, _ value: Double) {
    places[metricName, default: []].append(samples.count)
    samples.append(Sample(metricName, labels, value))
  }

  mutating func add(_ histogram: Histogram, _ definition: MetricDefinition, _ values: [String]) {
    let (cumulative, sum) = histogram.reading
    for (bound, count) in zip(histogram.bounds + [.infinity], cumulative) {
      let le = Label("le", FloatText.string(bound, .exposition))
      let name = definition.name + "_bucket"
      add(name, definition.labelSet(name, values, extra: [le]), count)
    }
    let (sumName, countName) = (definition.name + "_sum", definition.name + "_count")
    add(sumName, definition.labelSet(sumName, values), sum)
    add(countName, definition.labelSet(countName, values), cumulative.last ?? 0)
  }
}
