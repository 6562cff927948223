/// Why a page of metrics was refused: what is wrong with it, and where.
public struct ExpositionError: Error, Equatable, Sendable {
  public enum Problem: Equatable, Sendable {
    /// Something else was expected at this place; `found` is what begins there.
    case expected(String, found: String)
    /// No number, or one outside of a double's range.
    case value(String)
    /// Text: a whole number of milliseconds that is not negative. OpenMetrics: a number of seconds.
    case timestamp(String)
    case unknownType(String)
    case duplicateLabel(String)
    case noMetricName
    /// A metric name within the braces of a series that has one already.
    case secondMetricName(String)
    case emptyLabelName
    case notUTF8(String)
    /// OpenMetrics: the family's name has to end in `_` and its unit.
    case unit(String, family: String)
    case tooManyLabels(limit: Int)
    /// OpenMetrics: the page was cut off.
    case missingEOF
    case dataAfterEOF
  }

  public let problem: Problem
  /// Counted from 1, as editors do.
  public let line: Int
  /// In bytes, from 1.
  public let column: Int
}

extension ExpositionError: CustomStringConvertible {
  public var description: String { "line \(line), column \(column): \(problem)" }
}

extension ExpositionError.Problem: CustomStringConvertible {
  public var description: String {
    switch self {
    case .expected(let what, let found): "expected \(what), found \(found)"
    case .value(let text): "\(text) is no number that fits a double"
    case .timestamp(let text): "\(text) is no timestamp"
    case .unknownType(let text): "\(text) is no metric type"
    case .duplicateLabel(let name): "the label \(name) occurs twice in one series"
    case .noMetricName: "the series has no metric name"
    case .secondMetricName(let name): "\(name) would be a second metric name of one series"
    case .emptyLabelName: "a label name is empty"
    case .notUTF8(let what): "\(what) is not UTF-8"
    case .unit(let unit, let family): "the unit \(unit) is not the last part of the family's name \(family)"
    case .tooManyLabels(let limit): "more than \(limit) labels in one series"
    case .missingEOF: "the page does not end with # EOF, so it may have been cut off"
    case .dataAfterEOF: "something follows # EOF"
    }
  }
}
