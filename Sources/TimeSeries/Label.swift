/// A label: a name and a value, both UTF-8. An empty value means "this label is absent", as everywhere in Prometheus.
///
/// Equality, order and hash go by the UTF-8 bytes. Swift's own `String` comparison would take composed and decomposed
/// forms of a character for the same text, which Prometheus does not.
public struct Label: Sendable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: String) {
    self.name = name
    self.value = value
  }

  /// The name of the label that holds the metric name.
  public static let metricName = "__name__"
}

extension Label: Hashable, Comparable {
  public static func == (a: Label, b: Label) -> Bool {
    a.name.hasSameBytes(as: b.name) && a.value.hasSameBytes(as: b.value)
  }

  /// By name, then by value.
  public static func < (a: Label, b: Label) -> Bool {
    let order = a.name.compareBytes(with: b.name)
    return order == 0 ? a.value.compareBytes(with: b.value) < 0 : order < 0
  }

  public func hash(into hasher: inout Hasher) {
    name.hashBytes(into: &hasher)
    value.hashBytes(into: &hasher)
  }
}

extension Label: CustomStringConvertible {
  public var description: String { "\(name)=\(value.quotedForPrometheus)" }
}
