internal import CZlib

/// Why a compressed request body was refused.
public enum CompressionError: Error, Equatable, CustomStringConvertible {
  /// Not gzip, or damaged; `offset` bytes of the input had been read.
  case malformed(offset: Int, reason: String)
  /// The input ends within a member.
  case truncated
  /// It would be larger than allowed. Nothing beyond the limit was produced.
  case tooLarge(limit: Int)

  public var description: String {
    switch self {
    case .malformed(let offset, let reason): "gzip data is malformed at byte \(offset): \(reason)"
    case .truncated: "gzip data ends early"
    case .tooLarge(let limit): "gzip data is larger than \(limit) bytes when decompressed"
    }
  }
}

/// Decompresses a whole gzip body (RFC 1952), of one or more members.
/// - Parameter limit: bytes of output allowed; memory grows with the output, never with what a header claims.
public func gunzip(_ bytes: [UInt8], limit: Int) throws(CompressionError) -> [UInt8] {
  guard !bytes.isEmpty else { throw .truncated }
  guard let inflater = Inflater() else { throw .malformed(offset: 0, reason: "no memory to decompress") }
  return try bytes.withUnsafeBufferPointer { (input) throws(CompressionError) in
    try inflater.run(input, limit: limit)
  }
}

private final class Inflater {
  private let stream: UnsafeMutablePointer<z_stream>
  private let scratch: UnsafeMutableBufferPointer<UInt8>

  init?() {
    stream = .allocate(capacity: 1)
    stream.initialize(to: z_stream())
    scratch = .allocate(capacity: 64 << 10)
    guard zlib_inflate_start(stream, 15 + 16) == Z_OK else { return nil }
  }

  deinit {
    inflateEnd(stream)
    stream.deallocate()
    scratch.deallocate()
  }

  func run(_ input: UnsafeBufferPointer<UInt8>, limit: Int) throws(CompressionError) -> [UInt8] {
    guard input.count <= Int(UInt32.max) else { throw .tooLarge(limit: limit) }
    var plain: [UInt8] = []
    stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
    stream.pointee.avail_in = UInt32(input.count)
    while true {
      stream.pointee.next_out = scratch.baseAddress
      stream.pointee.avail_out = UInt32(scratch.count)
      let status = inflate(stream, Z_NO_FLUSH)
      let made = scratch.count - Int(stream.pointee.avail_out)
      guard plain.count + made <= limit else { throw .tooLarge(limit: limit) }
      plain.append(contentsOf: scratch[..<made])
      switch status {
      case Z_OK: continue
      case Z_STREAM_END:
        if stream.pointee.avail_in == 0 { return plain }
        inflateReset(stream)  // another member follows (RFC 1952 section 2.2)
      case Z_BUF_ERROR: throw .truncated  // there was room for output, so it is input that lacks
      default:
        let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib status \(status)"
        throw .malformed(offset: input.count - Int(stream.pointee.avail_in), reason: reason)
      }
    }
  }
}
