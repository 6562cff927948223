public import TimeSeries

/// A request of remote read (`prometheus/prometheus: prompb/remote.proto`, ReadRequest), as far as it is of use: hints
/// are advice, and not taken.
public struct ReadRequest: Sendable {
  /// In which form samples are sent.
  public enum ResponseType: UInt64, Sendable, CaseIterable {
    /// One message with all samples, packed as a Snappy block.
    case samples = 0
    /// A stream of frames with chunks.
    case streamedXORChunks = 1
  }

  public struct Query: Sendable {
    /// Milliseconds since the Unix epoch; both ends are included.
    public var start: Int64 = 0
    public var end: Int64 = 0
    /// What all series have to pass; none lets all pass.
    public var matchers: [LabelMatcher] = []
  }

  /// A matcher as it was sent: a regular expression has not been looked at yet.
  public struct LabelMatcher: Sendable {
    public var operation: Matcher.Operation = .equal
    public var name = ""
    public var value = ""

    /// - Throws: when the value has to be a regular expression and is none.
    public func matcher() throws(AnchoredRegex.SyntaxError) -> Matcher { try Matcher(name, operation, value) }
  }

  public private(set) var queries: [Query] = []
  /// The first of the client's types that is known; samples if it named none, `nil` if it knows none of ours.
  public var responseType: ResponseType? { namesTypes ? knownType : .samples }
  private var namesTypes = false
  private var knownType: ResponseType?

  /// Queries of a request, and matchers in all of them. Clients send one query with a handful.
  public static let queriesMax = 1000
  public static let matchersMax = 10_000

  /// - Parameter body: the message, unpacked.
  public init(_ body: UnsafeRawBufferPointer) throws(ProtobufError) {
    var reader = ProtobufReader(body)
    var matchers = 0
    while let field = try reader.next(in: "ReadRequest") {
      switch field.number {
      case 1:
        let query = try Query(reader.message(field, "ReadRequest.queries"))
        matchers += query.matchers.count
        guard queries.count < Self.queriesMax, matchers <= Self.matchersMax else {
          let limits = "more than \(Self.queriesMax) queries or \(Self.matchersMax) matchers in one request"
          throw ProtobufError(.value(limits), "ReadRequest.queries", byte: field.byte)
        }
        queries.append(query)
      case 2:
        try reader.unsignedNumbers(field, "ReadRequest.accepted_response_types") { type, _ in
          namesTypes = true
          if knownType == nil { knownType = ResponseType(rawValue: type) }
        }
      default: try reader.skip(field, in: "ReadRequest")
      }
    }
  }

  public init(_ body: [UInt8]) throws(ProtobufError) {
    self = try body.withUnsafeBufferPointer { (bytes) throws(ProtobufError) in
      try ReadRequest(UnsafeRawBufferPointer(bytes))
    }
  }
}

extension ReadRequest.Query {
  fileprivate init(_ message: ProtobufReader) throws(ProtobufError) {
    var reader = message
    while let field = try reader.next(in: "Query") {
      switch field.number {
      case 1: start = try reader.signed(field, "Query.start_timestamp_ms")
      case 2: end = try reader.signed(field, "Query.end_timestamp_ms")
      case 3:
        // Before the list grows: each matcher takes a hundred times the two bytes that an empty one is sent in.
        guard matchers.count < ReadRequest.matchersMax else {
          throw ProtobufError(.value("more than \(ReadRequest.matchersMax)"), "Query.matchers", byte: field.byte)
        }
        matchers.append(try ReadRequest.LabelMatcher(reader.message(field, "Query.matchers")))
      default: try reader.skip(field, in: "Query")
      }
    }
  }
}

extension ReadRequest.LabelMatcher {
  fileprivate init(_ message: ProtobufReader) throws(ProtobufError) {
    var reader = message
    while let field = try reader.next(in: "LabelMatcher") {
      switch field.number {
      case 1:
        switch try reader.unsigned(field, "LabelMatcher.type") {
        case 0: operation = .equal
        case 1: operation = .notEqual
        case 2: operation = .regexMatch
        case 3: operation = .regexNoMatch
        case let type: throw ProtobufError(.value("\(type) is no matcher type"), "LabelMatcher.type", byte: field.byte)
        }
      case 2: name = String(decoding: try reader.text(field, "LabelMatcher.name"), as: UTF8.self)
      case 3: value = String(decoding: try reader.text(field, "LabelMatcher.value"), as: UTF8.self)
      default: try reader.skip(field, in: "LabelMatcher")
      }
    }
  }
}
