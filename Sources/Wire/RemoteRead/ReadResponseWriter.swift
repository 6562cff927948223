public import TimeSeries

/// Writes the answer of type SAMPLES: one ReadResponse message (`prompb/remote.proto`) packed as a Snappy block. Packed
/// while it grows: only the packed form is held as a whole.
///
/// For each query, in their order: `append` for each series, then `endQuery`.
public struct ReadResponseWriter: ~Copyable {
  /// How much is packed at a time.
  private static var partBytes: Int { 1 << 20 }

  private var response = SnappyBlockWriter()
  /// The query that is being answered: how long its result is stands before it, and is known in the end.
  private var result = SnappyBlockWriter()
  private var part = ByteWriter(capacity: 64 << 10)

  public init() {}

  /// Bytes that the block will unpack to, those of the query being answered included. A block may have 2³² − 1.
  public var unpackedCount: Int { response.unpackedCount + result.unpackedCount + part.count }
  public static var unpackedMax: Int { SnappyBlockWriter.unpackedMax }

  /// - Parameter labels: as `RemoteReadLabels` has written them.
  public mutating func append(labels: UnsafeRawBufferPointer, _ samples: borrowing SampleColumns) {
    let values = UnsafeRawPointer(samples.values)
    var count = labels.count
    for i in 0..<samples.count {
      count &+= 2 &+ Self.size(samples.timestamps[i], values.load(fromByteOffset: i &* 8, as: UInt64.self))
    }
    part.append(field: 1, messageOf: count)
    part.append(labels)
    for i in 0..<samples.count {
      let timestamp = samples.timestamps[i]
      let bits = values.load(fromByteOffset: i &* 8, as: UInt64.self)
      part.append(most: 32) { Self.write(timestamp, bits, to: $0) }
      if part.count >= Self.partBytes { pack() }
    }
    if part.count >= Self.partBytes { pack() }
  }

  public mutating func endQuery() {
    pack()
    var head = ByteWriter(capacity: 16)
    head.append(field: 1, messageOf: result.unpackedCount)
    head.withBytes { response.append(literal: $0) }
    response.take(from: &result)
  }

  /// The block.
  public func finish() -> [UInt8] { response.finish() }

  private mutating func pack() {
    part.withBytes { result.append($0) }
    part.removeAll()
  }

  /// Bytes of a Sample's fields; those that are 0 are left out.
  @inline(__always)
  private static func size(_ timestamp: Int64, _ bits: UInt64) -> Int {
    (bits == 0 ? 0 : 9) &+ (timestamp == 0 ? 0 : 1 &+ Protobuf.size(varint: UInt64(bitPattern: timestamp)))
  }

  /// Writes a Sample as a field of a TimeSeries; 22 bytes at most.
  @inline(__always)
  private static func write(_ timestamp: Int64, _ bits: UInt64, to out: UnsafeMutablePointer<UInt8>) -> Int {
    out[0] = 0x12
    var count = 2
    if bits != 0 {
      out[2] = 0x09
      UnsafeMutableRawPointer(out + 3).storeBytes(of: bits.littleEndian, as: UInt64.self)
      count = 11
    }
    if timestamp != 0 {
      out[count] = 0x10
      count &+= 1
      count &+= Protobuf.write(varint: UInt64(bitPattern: timestamp), to: out + count)
    }
    out[1] = UInt8(truncatingIfNeeded: count &- 2)
    return count
  }
}

/// Labels as both answers have them: field 1 of TimeSeries and of ChunkedSeries, repeated.
public enum RemoteReadLabels {
  public static func append(_ labels: UnsafeBufferPointer<LabelBytes>, to writer: inout ByteWriter) {
    for label in labels {
      writer.append(
        field: 1, messageOf: Protobuf.size(bytes: label.name.count) + Protobuf.size(bytes: label.value.count))
      writer.append(field: 1, label.name)
      writer.append(field: 2, label.value)
    }
  }
}
