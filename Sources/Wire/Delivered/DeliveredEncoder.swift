public import TimeSeries

/// Writes samples in the delivered format: a JSON array of flat objects in one raw Snappy block, `__name__` first, then
/// the other labels in order, then `value` and `timestamp`, all of them strings. One owner, reused record after record.
public struct DeliveredEncoder: ~Copyable {
  private var text = ByteWriter(capacity: 64 << 10)
  /// Samples since the last record was taken.
  public private(set) var samples = 0
  /// Labels called `value` or `timestamp` that had to take the name `exported_…`, since the encoder was made.
  public private(set) var renamedLabels = 0

  public init() {}

  /// Bytes of text so far.
  public var textBytes: Int { text.count }

  /// - Parameter labels: sorted by name, no repeats, no empty values.
  public mutating func append(
    labels: UnsafeBufferPointer<LabelBytes>, value: UnsafeRawBufferPointer, timestamp: Int64
  ) {
    text.append(samples == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
    text.append(UInt8(ascii: "{"))
    var isFirst = true
    for pass in 0..<2 {
      for label in labels where label.name.elementsEqual(Label.metricName.utf8) == (pass == 0) {
        if !isFirst { text.append(UInt8(ascii: ",")) }
        isFirst = false
        appendMember(label)
      }
    }
    if !isFirst { text.append(UInt8(ascii: ",")) }
    text.append("\"value\":\"")
    text.append(value)
    text.append("\",\"timestamp\":\"")
    text.append(decimal: timestamp)
    text.append("\"}")
    samples += 1
  }

  /// A number as the shortest decimal text that reads back to it; a stale marker as `StaleNaN`.
  public mutating func append(labels: UnsafeBufferPointer<LabelBytes>, value: Double, timestamp: Int64) {
    if value.isStaleMarker {
      "StaleNaN".utf8CString.withUnsafeBytes {
        append(labels: labels, value: UnsafeRawBufferPointer(rebasing: $0.dropLast()), timestamp: timestamp)
      }
      return
    }
    withUnsafeTemporaryAllocation(byteCount: FloatText.lengthMax, alignment: 1) { bytes in
      let count = bytes.withMemoryRebound(to: UInt8.self) { bytes in
        bytes.baseAddress.map { FloatText.write(value, .json, to: $0) } ?? 0
      }
      append(labels: labels, value: UnsafeRawBufferPointer(rebasing: bytes[..<count]), timestamp: timestamp)
    }
  }

  private mutating func appendMember(_ label: LabelBytes) {
    text.append(UInt8(ascii: "\""))
    // These two names are the format's own.
    if label.name.elementsEqual("value".utf8) || label.name.elementsEqual("timestamp".utf8) {
      text.append("exported_")
      renamedLabels += 1
    }
    text.append(jsonEscaped: label.name)
    text.append("\":\"")
    text.append(jsonEscaped: label.value)
    text.append(UInt8(ascii: "\""))
  }

  /// The record of all samples since the last one was taken; an empty array when there are none.
  public mutating func takeRecord() -> [UInt8] {
    if samples == 0 { text.append(UInt8(ascii: "[")) }
    text.append(UInt8(ascii: "]"))
    let record = text.withBytes { Snappy.compress($0) }
    text.removeAll()
    samples = 0
    return record
  }
}
