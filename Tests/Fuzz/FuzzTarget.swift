import Wire

/// What can be fuzzed: a name, and what is wrong with what the program makes of an input.
enum FuzzTarget: String, CaseIterable {
  /// The parser and the printer of PromQL.
  case promql
  /// The whole engine, over a few series.
  case query
  /// Selectors, and what they find in the buffer.
  case selector
  /// The parser of pages of metrics, both formats.
  case page
  /// The messages of remote write, unpacked, of version 1 and version 2.
  case write1, write2
  /// The requests of remote read, unpacked.
  case read
  /// The framings of a record's value.
  case framing
  /// The JSON of a record, against a plain reader of the same.
  case delivered
  /// Runs of samples, packed.
  case chunk
  /// The buffer, against a dictionary.
  case buffer
  /// A request's target and form, and the values of parameters.
  case request
  /// Compressed bodies.
  case gzip
  /// The configuration file.
  case configuration
  /// The web configuration file, and the file with tokens.
  case webconfig, tokens
  /// A delivery task as JSON, and its lines.
  case task, lines

  func problem(_ input: [UInt8]) -> String? {
    switch self {
    case .promql: problemOfParser(input)
    case .query: problemOfQuery(input)
    case .selector: problemOfSelector(input)
    case .page: problemOfPage(input)
    case .write1: problemOfWrite(input, .version1)
    case .write2: problemOfWrite(input, .version2)
    case .read: problemOfRead(input)
    case .framing: problemOfFraming(input)
    case .delivered: problemOfDelivered(input)
    case .chunk: problemOfChunk(input)
    case .buffer: problemOfBuffer(input)
    case .request: problemOfRequest(input)
    case .gzip: problemOfGzip(input)
    case .configuration: problemOfConfiguration(input)
    case .webconfig: problemOfWebConfig(input)
    case .tokens: problemOfTokens(input)
    case .task: problemOfTask(input)
    case .lines: problemOfLines(input)
    }
  }
}
