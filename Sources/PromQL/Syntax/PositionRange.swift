/// A stretch of a query's text, in bytes: from `start` up to, not including, `end`.
public struct PositionRange: Sendable, Hashable {
  public var start: Int
  public var end: Int

  public init(start: Int, end: Int) {
    self.start = start
    self.end = end
  }

  /// The start as `line:column`, both counted from one, columns in bytes: how Prometheus points into a query.
  public func location(in text: String) -> String {
    let bytes = text.utf8
    guard start >= 0, start <= bytes.count else { return "invalid position" }
    var line = 1
    var lineStart = 0
    for (i, byte) in bytes.prefix(start).enumerated() where byte == UInt8(ascii: "\n") {
      line += 1
      lineStart = i + 1
    }
    return "\(line):\(start - lineStart + 1)"
  }
}
