/// Why a query has no result.
public enum QueryError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The text is no query: HTTP 400.
  case parse(ParseError)
  /// The query cannot be asked this way, as a range vector over a range: HTTP 400.
  case invalid(String)
  /// The evaluation failed: HTTP 422.
  case execution(String)
  /// The evaluation would take more than the engine was allowed: HTTP 422.
  case limit(Limit, String)
  /// The deadline passed: HTTP 503.
  case timeout
  /// Nobody waits for the answer any more: HTTP 499.
  case canceled
  /// The samples cannot be read: HTTP 500.
  case source(SourceError)

  /// Which of `Engine.Options`.
  public enum Limit: String, Sendable, CaseIterable {
    case samples, series
  }

  static let tooManySamples = QueryError.limit(
    .samples, "query processing would load too many samples into memory in query execution")
  static func tooManySeries(limit: Int) -> QueryError {
    .limit(.series, "query selects more than \(limit) series: narrow its selectors")
  }
  static let duplicateLabelSets = QueryError.execution("vector cannot contain metrics with the same labelset")

  public var description: String {
    switch self {
    case .parse(let error): error.description
    case .invalid(let message), .execution(let message), .limit(_, let message): message
    case .timeout: "query timed out in expression evaluation"
    case .canceled: "query was canceled in expression evaluation"
    case .source(let error): error.description
    }
  }
}
