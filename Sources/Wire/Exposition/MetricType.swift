internal import TimeSeries

/// What a metric is. The raw value is the word of OpenMetrics and of Prometheus' `/api/v1/metadata`.
public enum MetricType: String, Sendable, CaseIterable {
  case counter, gauge, histogram, summary, info, stateset
  case gaugeHistogram = "gaugehistogram"
  case unknown

  /// The word for it on a TYPE line. Text 0.0.4 knows five types and says `untyped`; OpenMetrics says `unknown`. State
  /// sets are written as the gauges that they are, gauge histograms without a type: neither occurs in scraped data
  /// often enough to be worth its rules.
  func word(in format: ExpositionFormat) -> StaticString {
    switch (self, format) {
    case (.counter, _): "counter"
    case (.gauge, _), (.stateset, _), (.info, .text004): "gauge"
    case (.histogram, _): "histogram"
    case (.summary, _): "summary"
    case (.info, .openMetrics100): "info"
    case (.gaugeHistogram, .text004), (.unknown, .text004): "untyped"
    case (.gaugeHistogram, .openMetrics100), (.unknown, .openMetrics100): "unknown"
    }
  }

  /// The type that a metric's name and labels suggest when nobody has declared one. `_sum` and `_count` say nothing
  /// on their own: they belong to a histogram or summary that shows itself by its other series (see `FamilyPlan`).
  /// - Parameters:
  ///   - hasLE: its series carry the label `le`.
  ///   - hasQuantile: its series carry the label `quantile`.
  public static func inferred(name: String, hasLE: Bool, hasQuantile: Bool) -> MetricType {
    if name.hasByteSuffix("_bucket"), hasLE { return .histogram }
    if hasQuantile { return name.hasByteSuffix("_total") ? .unknown : .summary }
    if hasLE { return .unknown }
    if name.hasByteSuffix("_total") { return .counter }
    if name.hasByteSuffix("_info") { return .info }
    if name.hasByteSuffix("_created") { return .gauge }
    return .unknown
  }
}

/// What somebody who knows says of a metric family: the operator's configuration, or the program that owns it.
public struct MetricDeclaration: Sendable, Hashable {
  public var type: MetricType
  public var help: String?

  public init(_ type: MetricType, help: String? = nil) {
    self.type = type
    self.help = help
  }
}

extension String {
  /// `hasSuffix` by bytes: Swift's own would not find `_total` before a combining character, or find it composed.
  func hasByteSuffix(_ suffix: String) -> Bool {
    utf8.count > suffix.utf8.count && utf8.suffix(suffix.utf8.count).elementsEqual(suffix.utf8)
  }

  /// The text before `suffix`; `nil` when it does not end so, or is nothing but that.
  func dropping(suffix: String) -> String? {
    hasByteSuffix(suffix) ? String(decoding: utf8.dropLast(suffix.utf8.count), as: UTF8.self) : nil
  }
}

/// A name that equals another only byte by byte.
struct NameKey: Hashable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: NameKey, b: NameKey) -> Bool { a.text.hasSameBytes(as: b.text) }
  func hash(into hasher: inout Hasher) { text.hashBytes(into: &hasher) }
}
