/// A word of a query and where it stands.
struct Token {
  enum Kind: Equatable {
    case end
    case identifier, metricIdentifier, number, duration, string
    case leftParen, rightParen, leftBrace, rightBrace, leftBracket, rightBracket
    case comma, colon
    /// `=`, `=~` and `!~`, which only occur in braces; `!=` there is an operator like any other.
    case assign, regexMatch, regexNoMatch
    case at
    case op(BinaryOperator)
    case aggregation(AggregationOperator)
    case keyword(Keyword)
  }

  var kind: Kind
  var range: PositionRange

  var isNumber: Bool { kind == .number || kind == .duration }

  /// How an error names the token: its class where that is no matter of course, and its text.
  func description(text: String) -> String {
    switch kind {
    case .end: "end of input"
    case .identifier: "identifier \(text.quotedAsInGo)"
    case .metricIdentifier: "metric identifier \(text.quotedAsInGo)"
    case .number: "number \(shortened(text))"
    case .duration: "duration \(shortened(text))"
    case .string: "string \(shortened(text))"
    case .leftParen, .rightParen, .leftBrace, .rightBrace, .leftBracket, .rightBracket, .comma, .colon, .assign:
      text.quotedAsInGo
    case .at, .op, .regexMatch, .regexNoMatch: "<op:\(text)>"
    case .aggregation: "<aggr:\(text)>"
    case .keyword(let keyword): keyword.isFunctionLike ? text.quotedAsInGo : "<\(text)>"
    }
  }

  private func shortened(_ text: String) -> String {
    text.utf8.count > 10 ? String(text.unicodeScalars.prefix(10)).quotedAsInGo + "..." : text.quotedAsInGo
  }
}

enum Keyword: String, CaseIterable {
  case offset, smoothed, anchored, by, without, on, ignoring, bool, fill
  case groupLeft = "group_left"
  case groupRight = "group_right"
  case fillLeft = "fill_left"
  case fillRight = "fill_right"
  case start, end, step, range
  case minOf = "min_of"
  case maxOf = "max_of"

  /// `start()`, `end()`, `step()`, `range()`, `min_of(…)`, `max_of(…)`.
  var isFunctionLike: Bool { self == .start || self == .end || isDuration }

  /// Those that stand for durations too.
  var isDuration: Bool {
    switch self {
    case .step, .range, .minOf, .maxOf: true
    default: false
    }
  }

  /// Whether a metric may be called so without quotes.
  var isMetricName: Bool {
    switch self {
    case .offset, .smoothed, .anchored, .by, .without, .start, .end, .step, .range, .minOf, .maxOf: true
    case .on, .ignoring, .bool, .fill, .groupLeft, .groupRight, .fillLeft, .fillRight: false
    }
  }

  /// Only keywords where an opening parenthesis follows: the names have long been in use for metrics.
  var needsParen: Bool { self == .fill || self == .fillLeft || self == .fillRight }
}

extension Token.Kind {
  /// What a word stands for where keywords are looked for; case does not matter.
  static let words: [String: Token.Kind] = {
    var words: [String: Token.Kind] = ["inf": .number, "nan": .number]
    for op: BinaryOperator in [.and, .or, .unless, .atan2] { words[op.rawValue] = .op(op) }
    for op in AggregationOperator.allCases { words[op.rawValue] = .aggregation(op) }
    for keyword in Keyword.allCases { words[keyword.rawValue] = .keyword(keyword) }
    return words
  }()

  /// Whether a metric may be called by this word.
  var isMetricName: Bool {
    switch self {
    case .identifier, .metricIdentifier, .aggregation: true
    case .op(let op): op.isSet
    case .keyword(let keyword): keyword.isMetricName
    default: false
    }
  }

  /// Whether a label in a list of labels may be called by this word.
  var isLabelName: Bool {
    switch self {
    case .identifier, .metricIdentifier, .aggregation, .keyword: true
    case .op(let op): op.isSet || op == .atan2
    default: false
    }
  }
}
