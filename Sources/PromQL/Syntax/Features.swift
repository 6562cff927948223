/// Parts of PromQL that Prometheus keeps behind `--enable-feature`.
public struct Features: OptionSet, Sendable {
  public let rawValue: Int
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// Functions and aggregations that are still experimental.
  public static let experimentalFunctions = Features(rawValue: 1 << 0)
  /// Arithmetic in ranges and offsets: `foo[5m * 2] offset -step()`.
  public static let durationExpressions = Features(rawValue: 1 << 1)
  /// `anchored` and `smoothed` selectors.
  public static let extendedRangeSelectors = Features(rawValue: 1 << 2)
  /// `fill`, `fill_left` and `fill_right` of binary operators.
  public static let binopFillModifiers = Features(rawValue: 1 << 3)

  public static let all: Features = [
    .experimentalFunctions, .durationExpressions, .extendedRangeSelectors, .binopFillModifiers,
  ]

  /// The feature of this name as Prometheus' `--enable-feature` has it; `nil` when there is none.
  public init?(name: String) {
    switch name {
    case "promql-experimental-functions": self = .experimentalFunctions
    case "promql-duration-expr": self = .durationExpressions
    case "promql-extended-range-selectors": self = .extendedRangeSelectors
    case "promql-binop-fill-modifiers": self = .binopFillModifiers
    default: return nil
    }
  }
}
