/// The identity of a series: its labels, `__name__` among them, sorted by name, each name once, no empty value.
public struct LabelSet: Hashable, Sendable {
  public let labels: [Label]

  /// Sorts `labels` and drops the ones with an empty value; of a repeated name the last one stays.
  public init(_ labels: [Label]) {
    var last: [Label] = []
    // Swift's sort is stable, so of a repeated name the last one given comes last here too.
    for label in labels.sorted(by: { $0.name.compareBytes(with: $1.name) < 0 }) {
      if let previous = last.last, previous.name.hasSameBytes(as: label.name) { last.removeLast() }
      last.append(label)
    }
    self.labels = last.filter { !$0.value.isEmpty }
  }

  /// Takes labels that are known to be in order, without repeats or empty values.
  public init(sorted labels: [Label]) {
    self.labels = labels
  }

  /// The value of label `name`; empty when it is absent.
  public subscript(name: String) -> String {
    labels.first { $0.name.hasSameBytes(as: name) }?.value ?? ""
  }

  /// The value of `__name__`; empty when it is absent.
  public var metricName: String { self[Label.metricName] }
}

extension LabelSet: Comparable {
  /// Label by label, as Prometheus orders series in answers.
  public static func < (a: LabelSet, b: LabelSet) -> Bool {
    for (x, y) in zip(a.labels, b.labels) where x != y { return x < y }
    return a.labels.count < b.labels.count
  }
}

extension LabelSet: CustomStringConvertible {
  /// As Prometheus prints a series: `name{a="1", b="2"}`, with a metric name that needs quotes inside the braces.
  public var description: String {
    let name = metricName
    var inside = labels.filter { $0.name != Label.metricName }.map { label in
      "\(label.name.isLegacyLabelName ? label.name : label.name.quotedForPrometheus)=\(label.value.quotedForPrometheus)"
    }
    if name.isLegacyMetricName || name.isEmpty {
      return inside.isEmpty && !name.isEmpty ? name : "\(name){\(inside.joined(separator: ", "))}"
    }
    inside.insert(name.quotedForPrometheus, at: 0)
    return "{\(inside.joined(separator: ", "))}"
  }
}
