/// What went onto a page, and what did not.
public struct ExpositionTally: Sendable, Equatable {
  public var samples = 0
  /// Stale markers: neither format can carry one, the series just ends.
  public var stale = 0
  /// Samples without a metric name, or in text with a timestamp before 1970, which Prometheus' lexer takes for a syntax
  /// error. Without its timestamp such a sample would pass for a fresh one, so it is left out.
  public var unwritable = 0
  /// Series that look like one already written: the first one stays.
  public var duplicates = 0
  /// Labels of a reserved name (`__…`), or of a name that escaping has made equal to another's. Known when the page is
  /// finished.
  public var labels = 0
  /// Families whose samples did not bear out the type that was planned.
  public var demoted = 0
  /// The names of the first twenty of them.
  public var demotedNames: [String] = []

  public init() {}

  mutating func demote(_ family: String) {
    demoted += 1
    if demotedNames.count < 20 { demotedNames.append(family) }
  }
}
