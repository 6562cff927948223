public import TimeSeries

/// Writes the frames of the answer of type STREAMED_XOR_CHUNKS (`prometheus/prometheus: storage/remote/chunked.go`):
///
///     length of the message: varint | CRC32C of the message: 4 bytes, big-endian, unmasked | ChunkedReadResponse
///
/// A frame has chunks of one series. One with many takes several frames, each with the labels again.
public struct ChunkedReadWriter: ~Copyable {
  /// Samples of a chunk, as Prometheus cuts them.
  public static var chunkSamplesMax: Int { 120 }

  /// A frame ends with the chunk with which its labels and chunks reach this many bytes.
  public let frameBytes: Int
  /// The chunks of the frame, as fields of a ChunkedSeries.
  private var chunks = ByteWriter()
  private var data = ByteWriter()
  private var head = ByteWriter(capacity: 64)

  public init(frameBytes: Int) { self.frameBytes = frameBytes }

  /// Appends one frame to `body`: samples of a series from position `start` on, as many as belong into it.
  /// - Parameters:
  ///   - labels: as `RemoteReadLabels` has written them.
  ///   - start: less than the count of `samples`.
  ///   - query: the number of the query answered, from 0.
  /// - Returns: the position at which the next frame starts; the count of `samples` when all are written.
  public mutating func append(
    labels: UnsafeRawBufferPointer, _ samples: borrowing SampleColumns, from start: Int, query: Int,
    to body: inout [UInt8]
  ) -> Int {
    precondition(start >= 0 && start < samples.count, "no sample \(start) among \(samples.count)")
    chunks.removeAll()
    var position = start
    repeat {
      let end = min(position + Self.chunkSamplesMax, samples.count)
      appendChunk(samples, position..<end)
      position = end
    } while position < samples.count && labels.count + chunks.count < frameBytes
    writeFrame(labels, query, to: &body)
    return position
  }

  private mutating func appendChunk(_ samples: borrowing SampleColumns, _ range: Range<Int>) {
    data.removeAll()
    XORChunk.append(samples, range, to: &data)
    head.removeAll()
    head.append(field: 1, samples.timestamps[range.lowerBound])
    head.append(field: 2, samples.timestamps[range.upperBound - 1])
    head.append(field: 3, 1 as UInt64)  // XOR
    head.append(field: 4, messageOf: data.count)
    chunks.append(field: 2, messageOf: head.count + data.count)
    head.withBytes { chunks.append($0) }
    data.withBytes { chunks.append($0) }
  }

  private mutating func writeFrame(_ labels: UnsafeRawBufferPointer, _ query: Int, to body: inout [UInt8]) {
    let series = labels.count + chunks.count
    head.removeAll()
    head.append(field: 1, messageOf: series)
    var tail = ByteWriter(capacity: 16)
    tail.append(field: 2, UInt64(query))

    var checksum = head.withBytes { CRC32C.extend(0, with: $0) }
    checksum = CRC32C.extend(checksum, with: labels)
    checksum = chunks.withBytes { CRC32C.extend(checksum, with: $0) }
    checksum = tail.withBytes { CRC32C.extend(checksum, with: $0) }

    var prefix = ByteWriter(capacity: 16)
    prefix.append(varint: UInt64(head.count + series + tail.count))
    for shift in [24, 16, 8, 0] as [UInt32] { prefix.append(UInt8(truncatingIfNeeded: checksum >> shift)) }

    prefix.withBytes { body.append(contentsOf: $0) }
    head.withBytes { body.append(contentsOf: $0) }
    body.append(contentsOf: labels)
    chunks.withBytes { body.append(contentsOf: $0) }
    tail.withBytes { body.append(contentsOf: $0) }
  }
}
