/// A query that has been read and can be evaluated.
public struct PreparedQuery: Sendable {
  public let text: String
  public let expression: Expression
  /// What reading it took.
  let time: Duration
}

/// Queries that take microseconds: they select a few series by labels that are given in full, and do nothing with them
/// that could take long.
extension PreparedQuery {
  /// Series that a small query selects at most (`Engine.Options.maxSeries`).
  public static let smallSeriesMax = 32
  private static let textMax = 1024
  private static let stepsMax = 64
  /// What selecting may cost, all selectors together (`SampleSource.selectionCost`).
  private static let costMax = 4096

  /// Whether the query is small at `steps` steps, as far as that can be told without selecting anything.
  public func mayBeSmall(steps: Int, in source: any SampleSource) -> Bool {
    var costLeft = Self.costMax
    return text.utf8.count <= Self.textMax && steps <= Self.stepsMax
      && Self.mayBeSmall(expression, steps, source, &costLeft)
  }

  private static func mayBeSmall(
    _ expression: Expression, _ steps: Int, _ source: any SampleSource, _ costLeft: inout Int
  ) -> Bool {
    switch expression {
    case .subquery: return false
    // Every step may look at all samples of the range.
    case .matrixSelector where steps > 1: return false
    // These select more than they show, or run a pattern over what is given.
    case .call(let call) where [.info, .labelReplace].contains(call.function.name): return false
    case .vectorSelector(let selector):
      costLeft -= source.selectionCost(selector.matchers)
      return costLeft >= 0
    default:
      for child in expression.children where !mayBeSmall(child, steps, source, &costLeft) { return false }
      return true
    }
  }
}
