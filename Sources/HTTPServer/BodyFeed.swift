internal import CMicroHTTPD

/// Where the engine fetches the body of a response, on the connection's I/O thread.
///
/// `@unchecked Sendable`: the engine asks from one thread at a time, and subclasses say how they share the rest.
class BodyFeed: @unchecked Sendable {
  enum Result {
    case bytes(Int)
    case end
    /// The connection is cut off.
    case failed
    /// The connection has been suspended; it will be resumed.
    case suspended
  }

  /// Body bytes given to the engine so far. I/O thread only.
  final fileprivate(set) var bytesFed = 0

  /// Copies what is ready, at most the buffer's size, and says how much it was.
  func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Result { .end }

  /// Whether the body could not be completed because its source failed.
  var hasFailed: Bool { false }

  /// Wraps the feed for the engine, which keeps it alive: +1 here, −1 in `releaseFeed`.
  /// - Parameter size: of the whole body, if known.
  final func makeResponse(size: Int?, blockBytes: Int) -> OpaquePointer? {
    let retained = Unmanaged.passRetained(self)
    let response = MHD_create_response_from_callback(
      size.map(UInt64.init) ?? mhd_size_unknown, blockBytes, fillFromFeed, retained.toOpaque(), releaseFeed)
    if response == nil { retained.release() }
    return response
  }
}

/// Runs on an I/O thread.
private func fillFromFeed(
  _ context: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?, _ capacity: Int
) -> Int {
  guard let context, let buffer else { return Int(mhd_end_with_error) }
  let feed = Unmanaged<BodyFeed>.fromOpaque(context).takeUnretainedValue()
  switch feed.fill(UnsafeMutableRawBufferPointer(start: buffer, count: capacity)) {
  case .bytes(let count):
    feed.bytesFed += count
    return count
  case .end: return Int(mhd_end_of_stream)
  case .failed: return Int(mhd_end_with_error)
  case .suspended: return 0
  }
}

/// Runs when the engine is done with the response, on an I/O thread or where the response was given up.
private func releaseFeed(_ context: UnsafeMutableRawPointer?) {
  guard let context else { return }
  Unmanaged<BodyFeed>.fromOpaque(context).release()
}

/// A body that is there already and too large to be copied whole for the engine.
final class BytesFeed: BodyFeed, @unchecked Sendable {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  override func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Result {
    let part = bytes[bytesFed...].prefix(buffer.count)
    buffer.copyBytes(from: part)
    return part.isEmpty ? .end : .bytes(part.count)
  }
}
