import Wire

/// What can be fuzzed: a name, and what is wrong with what the program makes of an input.
enum FuzzTarget: String, CaseIterable {
  /// The parser and the printer of PromQL.
  case promql
  /// The whole engine, over a few series.
  case query
  /// The parser of pages of metrics, both formats.
  case page
  /// The messages of remote write, unpacked, of version 1 and version 2.
  case write1, write2

  func problem(_ input: [UInt8]) -> String? {
    switch self {
    case .promql: problemOfParser(input)
    case .query: problemOfQuery(input)
    case .page: problemOfPage(input)
    case .write1: problemOfWrite(input, .version1)
    case .write2: problemOfWrite(input, .version2)
    }
  }
}
