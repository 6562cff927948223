public import TimeSeries

/// Writes samples in the delivered format: a JSON array of flat objects in one raw Snappy block, `__name__` first, then
/// the other labels in order, then `value` and `timestamp`, all of them strings. One owner, reused record after record.
public struct DeliveredEncoder: ~Copyable {
  private var text: ByteWriter
  /// Samples since the last record was taken.
  public private(set) var samples = 0
  /// The time of the newest of them, in milliseconds; `Int64.min` when there are none.
  public private(set) var newestTimestamp = Int64.min
  /// Labels called `value` or `timestamp` that had to take the name `exported_…`, since the encoder was made.
  public private(set) var renamedLabels = 0
  /// The timestamp written last, as text: the samples of a scrape share theirs.
  private var timestampText = ByteWriter(capacity: 64)
  private var textTimestamp: Int64?

  /// - Parameter capacity: bytes of text to have room for at first.
  public init(capacity: Int = 64 << 10) {
    text = ByteWriter(capacity: capacity)
  }

  /// Bytes of text so far.
  public var textBytes: Int { text.count }

  /// Bytes that a sample takes at most beside its head.
  public static let tailBytesMax = 64

  /// - Parameter labels: sorted by name, no repeats, no empty values.
  public mutating func append(
    labels: UnsafeBufferPointer<LabelBytes>, value: UnsafeRawBufferPointer, timestamp: Int64
  ) {
    openElement()
    renamedLabels += Self.writeHead(labels, to: &text)
    text.append(value)
    closeElement(timestamp)
  }

  /// A number as the shortest decimal text that reads back to it; a stale marker as `StaleNaN`.
  public mutating func append(labels: UnsafeBufferPointer<LabelBytes>, value: Double, timestamp: Int64) {
    openElement()
    renamedLabels += Self.writeHead(labels, to: &text)
    append(bits: value.bitPattern)
    closeElement(timestamp)
  }

  /// - Parameters:
  ///   - head: what `writeHead` has written of the series.
  ///   - bits: of the value; a stale marker is written as `StaleNaN`.
  @inline(__always)
  public mutating func append(head: UnsafeRawBufferPointer, bits: UInt64, timestamp: Int64) {
    text.reserve(head.count + 1 + Self.tailBytesMax)
    openElement()
    text.append(head)
    append(bits: bits)
    closeElement(timestamp)
  }

  /// Writes what all samples of a series begin with: from the brace to where the value stands.
  /// - Parameter labels: sorted by name, no repeats, no empty values.
  /// - Returns: how many labels had a name that is the format's own and took `exported_…` for it.
  public static func writeHead(_ labels: UnsafeBufferPointer<LabelBytes>, to text: inout ByteWriter) -> Int {
    var renamed = 0
    text.append(UInt8(ascii: "{"))
    for pass in 0..<2 {
      for label in labels where label.name.elementsEqual(Label.metricName.utf8) == (pass == 0) {
        text.append(UInt8(ascii: "\""))
        if label.name.elementsEqual("value".utf8) || label.name.elementsEqual("timestamp".utf8) {
          text.append("exported_")
          renamed += 1
        }
        text.append(jsonEscaped: label.name)
        text.append("\":\"")
        text.append(jsonEscaped: label.value)
        text.append("\",")
      }
    }
    text.append("\"value\":\"")
    return renamed
  }

  @inline(__always)
  private mutating func openElement() {
    text.append(samples == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
  }

  @inline(__always)
  private mutating func append(bits: UInt64) {
    if bits == StaleMarker.bits {
      text.append("StaleNaN")
    } else {
      text.append(Double(bitPattern: bits), .json)
    }
  }

  @inline(__always)
  private mutating func closeElement(_ timestamp: Int64) {
    if timestamp != textTimestamp {
      timestampText.removeAll()
      timestampText.append("\",\"timestamp\":\"")
      timestampText.append(decimal: timestamp)
      timestampText.append("\"}")
      textTimestamp = timestamp
    }
    timestampText.withBytes { text.append($0) }
    samples += 1
    newestTimestamp = max(newestTimestamp, timestamp)
  }

  /// Moves the samples of another encoder behind those of this one.
  public mutating func take(from other: inout DeliveredEncoder) {
    guard other.samples > 0 else { return }
    other.text.withBytes { elements in
      text.append(samples == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
      text.append(UnsafeRawBufferPointer(rebasing: elements.dropFirst()))
    }
    samples += other.samples
    newestTimestamp = max(newestTimestamp, other.newestTimestamp)
    other.removeAll()
  }

  /// Forgets the samples since the last record was taken.
  public mutating func removeAll() {
    text.removeAll()
    samples = 0
    newestTimestamp = .min
  }

  /// The record of all samples since the last one was taken; an empty array when there are none.
  public mutating func takeRecord() -> [UInt8] {
    if samples == 0 { text.append(UInt8(ascii: "[")) }
    text.append(UInt8(ascii: "]"))
    let record = text.withBytes { Snappy.compress($0) }
    removeAll()
    return record
  }
}
