public import TimeSeries

/// The syntax tree of a query. Every node knows the bytes of the query that it came from.
public indirect enum Expression: Sendable {
  case aggregation(Aggregation)
  case binary(BinaryExpression)
  case call(Call)
  case matrixSelector(MatrixSelector)
  case number(NumberLiteral)
  case paren(ParenExpression)
  case string(StringLiteral)
  case subquery(Subquery)
  case unary(UnaryExpression)
  case vectorSelector(VectorSelector)

  /// What the expression evaluates to.
  public var type: ValueType {
    switch self {
    case .aggregation, .vectorSelector: .vector
    case .matrixSelector, .subquery: .matrix
    case .number: .scalar
    case .string: .string
    case .call(let call): call.function.returnType
    case .binary(let binary): binary.type
    case .paren(let paren): paren.type
    case .unary(let unary): unary.type
    }
  }

  public var range: PositionRange {
    switch self {
    case .aggregation(let node): node.range
    case .binary(let node): node.range
    case .call(let node): node.range
    case .matrixSelector(let node): PositionRange(start: node.selector.range.start, end: node.end)
    case .number(let node): node.range
    case .paren(let node): node.range
    case .string(let node): node.range
    case .subquery(let node): PositionRange(start: node.expression.range.start, end: node.end)
    case .unary(let node): node.range
    case .vectorSelector(let node): node.range
    }
  }

  /// The nodes right below, in the order in which they are evaluated.
  public var children: [Expression] {
    switch self {
    case .aggregation(let node): node.parameter.map { [node.expression, $0] } ?? [node.expression]
    case .binary(let node): [node.lhs, node.rhs]
    case .call(let node): node.arguments
    case .matrixSelector(let node): [.vectorSelector(node.selector)]
    case .paren(let node): [node.expression]
    case .subquery(let node): [node.expression]
    case .unary(let node): [node.expression]
    case .number, .string, .vectorSelector: []
    }
  }

  /// The expression without the parentheses around it.
  public var withoutParens: Expression {
    var inner = self
    while case .paren(let paren) = inner { inner = paren.expression }
    return inner
  }

  /// The matchers of every selector in the tree, from left to right.
  public var selectors: [[Matcher]] {
    if case .vectorSelector(let selector) = self { return [selector.matchers] }
    return children.flatMap(\.selectors)
  }
}

/// `sum by (job) (…)`, `topk(5, …)`.
public struct Aggregation: Sendable {
  public var op: AggregationOperator
  public var expression: Expression
  /// What comes before the vector, for the operators that take something there.
  public var parameter: Expression?
  public var grouping: [String]
  /// Whether `grouping` names the labels to drop (`without`) rather than those to keep (`by`).
  public var without: Bool
  public var range: PositionRange
}

/// `lhs op rhs`.
public struct BinaryExpression: Sendable {
  public var op: BinaryOperator
  public var lhs: Expression
  public var rhs: Expression
  /// How the series of the two sides find each other; `nil` unless both sides are vectors.
  public var matching: VectorMatching?
  /// Whether a comparison yields 0 and 1 instead of filtering.
  public var returnsBool: Bool
  public var type: ValueType
  public var range: PositionRange
}

/// How the series of two vectors find each other.
public struct VectorMatching: Sendable, Hashable {
  public enum Cardinality: String, Sendable {
    case oneToOne = "one-to-one"
    case manyToOne = "many-to-one"
    case oneToMany = "one-to-many"
    case manyToMany = "many-to-many"
  }

  public var cardinality: Cardinality = .oneToOne
  /// Whether `labels` are those that have to agree (`on`) rather than those to leave out (`ignoring`).
  public var on = false
  public var labels: [String] = []
  /// Labels that the result takes from the "one" side.
  public var include: [String] = []
  /// The value that stands in for a series missing on the left, on the right.
  public var fillLeft: Double?
  public var fillRight: Double?

  public var fills: Bool { fillLeft != nil || fillRight != nil }

  public init() {}
}

/// `rate(…)`.
public struct Call: Sendable {
  public var function: Function
  public var arguments: [Expression]
  public var range: PositionRange
}

/// A number, or a duration as the number of its seconds.
public struct NumberLiteral: Sendable {
  public var value: Double
  /// Whether it was written as a duration, and is printed as one.
  public var isDuration: Bool
  public var range: PositionRange
}

public struct StringLiteral: Sendable {
  public var value: String
  public var range: PositionRange
}

public struct ParenExpression: Sendable {
  public var expression: Expression
  public var type: ValueType
  public var range: PositionRange
}

/// A sign before anything but a literal, which takes it in.
public struct UnaryExpression: Sendable {
  public var isNegative: Bool
  public var expression: Expression
  public var type: ValueType
  public var range: PositionRange
}

/// `name{label="value"} offset 5m @ end()`.
public struct VectorSelector: Sendable {
  /// The metric name before the braces; empty when there is none.
  public var name: String
  /// All matchers, the one of the name before the braces last.
  public var matchers: [Matcher]
  public var modifiers = TimeModifiers()
  public var extent: Extent?
  public var range: PositionRange

  /// How a selector reaches beyond its window for values at its edges.
  public enum Extent: String, Sendable {
    case anchored
    case smoothed
  }
}

/// `name[5m]`. The time modifiers behind it are those of its selector.
public struct MatrixSelector: Sendable {
  public var selector: VectorSelector
  /// In milliseconds; zero when `rangeExpression` gives it.
  public var rangeMilliseconds: Int64
  public var rangeExpression: DurationExpression?
  /// Where the text of the node ends.
  public var end: Int
}

/// `expression[1h:5m]`.
public struct Subquery: Sendable {
  public var expression: Expression
  public var rangeMilliseconds: Int64
  public var rangeExpression: DurationExpression?
  /// Zero means the default interval, unless `stepExpression` gives it.
  public var stepMilliseconds: Int64
  public var stepExpression: DurationExpression?
  public var modifiers = TimeModifiers()
  public var end: Int
}

/// `offset` and `@`.
public struct TimeModifiers: Sendable {
  public enum At: Sendable, Hashable {
    /// Milliseconds since the Unix epoch.
    case timestamp(Int64)
    case start
    case end
  }

  /// How far back in time, in milliseconds; negative looks forward.
  public var offsetMilliseconds: Int64 = 0
  public var offsetExpression: DurationExpression?
  public var at: At?

  public init() {}
}

/// Arithmetic in a range, step or offset, in seconds.
public indirect enum DurationExpression: Sendable {
  public enum Operator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case modulo = "%"
    case power = "^"

    var precedence: Int {
      switch self {
      case .add, .subtract: 4
      case .multiply, .divide, .modulo: 5
      case .power: 6
      }
    }
  }

  case literal(NumberLiteral)
  /// The resolution of the query.
  case step
  /// The time span of the query, zero for an instant.
  case queryRange
  case negative(DurationExpression)
  case paren(DurationExpression)
  case minimum(DurationExpression, DurationExpression)
  case maximum(DurationExpression, DurationExpression)
  case binary(Operator, DurationExpression, DurationExpression)
}
