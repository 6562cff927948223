internal import TimeSeries

/// Writes the part of a line behind the series. Remembers the last timestamp: a page has few different ones.
struct ValueRenderer {
  let format: ExpositionFormat
  private var timestamp: Int64?
  private var timestampText: [UInt8] = []

  init(format: ExpositionFormat) { self.format = format }

  /// ` value timestamp` and the line feed.
  mutating func append(_ value: Double, _ timestamp: Int64?, to out: inout ByteWriter) {
    out.append(UInt8(ascii: " "))
    out.append(value, .exposition)
    if let timestamp {
      if timestamp != self.timestamp { remember(timestamp) }
      out.append(timestampText)
    }
    out.append(UInt8(ascii: "\n"))
  }

  private mutating func remember(_ timestamp: Int64) {
    var text = ByteWriter(capacity: 64)
    text.append(UInt8(ascii: " "))
    switch format {
    case .text004: text.append(decimal: timestamp)
    case .openMetrics100: text.append(seconds: timestamp)
    }
    self.timestamp = timestamp
    timestampText = text.copy()
  }
}

/// The bounds of a family's buckets or quantiles, each read and formatted once.
struct BoundTable {
  struct Bound {
    let text: [UInt8]
    /// `nil` when the text is no number that readers take.
    let value: Double?
    /// The number as OpenMetrics wants it, so that equal bounds are equal text: `1.0`, `+Inf`.
    let canonical: [UInt8]
  }

  private(set) var bounds: [Bound] = []
  private var indices: [[UInt8]: Int] = [:]
  private var last = -1

  mutating func removeAll() {
    bounds.removeAll(keepingCapacity: true)
    indices.removeAll(keepingCapacity: true)
    last = -1
  }

  /// The place of a bound in `bounds`. The same ones come in the same order again and again, so the next is tried first.
  mutating func index(of text: UnsafeRawBufferPointer) -> Int {
    let next = last + 1 < bounds.count ? last + 1 : 0
    if next < bounds.count, LabelText.equal(text, bounds[next].text) {
      last = next
      return next
    }
    let bytes = Array(text)
    if let known = indices[bytes] {
      last = known
      return known
    }
    let value = Self.parse(text)
    bounds.append(Bound(text: bytes, value: value, canonical: value.map(Self.canonical) ?? bytes))
    last = bounds.count - 1
    indices[bytes] = last
    return last
  }

  /// Go's parser, behind promtool and others, takes a number out of double's range for an error.
  private static func parse(_ text: UnsafeRawBufferPointer) -> Double? {
    let value = text.withMemoryRebound(to: UInt8.self) { FloatText.parse($0) }
    guard let value, !value.isNaN else { return nil }
    let hasDigit = text.contains { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return value.isInfinite && hasDigit ? nil : value
  }

  static func canonical(_ value: Double) -> [UInt8] {
    var text: [UInt8] = []
    FloatText.append(value, .exposition, to: &text)
    let isWhole = text.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-") }
    return isWhole ? text + Array(".0".utf8) : text
  }
}
