/// A query that is no PromQL, or whose types do not fit. To a client this is always `bad_data`, HTTP 400.
public struct ParseError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The offending part of the query.
  public let range: PositionRange
  /// What is wrong with it, in Prometheus' words.
  public let message: String
  /// `line:column` of the start of `range`.
  public let location: String

  init(_ range: PositionRange, _ message: String, in bytes: [UInt8]) {
    self.range = range
    self.message = message
    location = range.location(in: String(decoding: bytes, as: UTF8.self), bytes: bytes)
  }

  /// As Prometheus prints it: `1:5: parse error: unexpected end of input`.
  public var description: String { "\(location): parse error: \(message)" }
}

extension PositionRange {
  /// Counts in the bytes as they were given: text that is no UTF-8 changes its length when it becomes a `String`.
  fileprivate func location(in text: String, bytes: [UInt8]) -> String {
    guard text.utf8.count != bytes.count else { return location(in: text) }
    let head = bytes.prefix(max(start, 0))
    let lineStart = head.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    return "\(head.count { $0 == UInt8(ascii: "\n") } + 1):\(start - lineStart + 1)"
  }
}
