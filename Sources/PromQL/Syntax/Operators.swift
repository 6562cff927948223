/// Binary operators; the raw value is how a query writes them.
public enum BinaryOperator: String, Sendable, Hashable, CaseIterable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case divide = "/"
  case modulo = "%"
  case power = "^"
  case atan2
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
  /// Cut native histograms at a value; on floats they do nothing but complain.
  case trimUpper = "</"
  case trimLower = ">/"
  case and
  case or
  case unless

  public var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual: true
    default: false
    }
  }

  public var isSet: Bool { self == .and || self == .or || self == .unless }

  /// The higher binds tighter. All are left-associative but `^`.
  var precedence: Int {
    switch self {
    case .or: 1
    case .and, .unless: 2
    case .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .trimUpper, .trimLower: 3
    case .add, .subtract: 4
    case .multiply, .divide, .modulo, .atan2: 5
    case .power: 6
    }
  }
}

/// Aggregations; the raw value is the name in a query.
public enum AggregationOperator: String, Sendable, Hashable, CaseIterable {
  case sum, avg, count, min, max, group, stddev, stdvar, topk, bottomk, quantile, limitk
  case countValues = "count_values"
  case limitRatio = "limit_ratio"

  /// Whether a parameter comes before the vector.
  public var takesParameter: Bool {
    switch self {
    case .topk, .bottomk, .countValues, .quantile, .limitk, .limitRatio: true
    default: false
    }
  }

  public var isExperimental: Bool { self == .limitk || self == .limitRatio }
}
