internal import TimeSeries
public import Wire

/// What a metric of promring's own is called and means: what the documentation is tested against.
public struct MetricDefinition: Sendable, Hashable {
  /// As in text 0.0.4: counters with `_total`, histograms without `_bucket`.
  public let name: String
  public let type: MetricType
  public let help: String
  /// The names of its labels.
  public let labels: [String]

  public init(_ name: String, _ type: MetricType, _ help: String, labels: [String] = []) {
    self.name = name
    self.type = type
    self.help = help
    self.labels = labels
  }
}

/// What an observer reports to at each collection.
public struct MetricReport {
  private let definitions: [MetricDefinition]
  private(set) var samples: [SelfMetricsSnapshot.Sample] = []

  init(_ definitions: [MetricDefinition]) { self.definitions = definitions }

  /// - Parameters:
  ///   - name: of one of the metrics that the observer was registered with.
  ///   - labels: the values of its labels, in the order of its definition; an empty one means the label is absent.
  public mutating func put(_ name: String, _ value: Double, labels: [String] = []) {
    guard let definition = definitions.first(where: { $0.name == name }) else {
      preconditionFailure("\(name) is reported but was not registered")
    }
    samples.append(.init(name, definition.labelSet(name, labels), value))
  }
}

extension MetricDefinition {
  /// The labels of a series of this metric.
  func labelSet(_ seriesName: String, _ values: [String], extra: [Label] = []) -> LabelSet {
    precondition(values.count == labels.count, "\(name) has the labels \(labels), not \(values.count) of them")
    return LabelSet([Label(Label.metricName, seriesName)] + zip(labels, values).map { Label($0, $1) } + extra)
  }
}
