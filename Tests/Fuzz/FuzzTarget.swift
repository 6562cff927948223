/// What can be fuzzed: a name, and what is wrong with what the program makes of an input.
enum FuzzTarget: String, CaseIterable {
  /// The parser and the printer of PromQL.
  case promql
  /// The whole engine, over a few series.
  case query
  /// The parser of pages of metrics, both formats.
  case page

  func problem(_ input: [UInt8]) -> String? {
    switch self {
    case .promql: problemOfParser(input)
    case .query: problemOfQuery(input)
    case .page: problemOfPage(input)
    }
  }
}
