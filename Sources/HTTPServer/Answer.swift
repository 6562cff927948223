internal import CMicroHTTPD

/// A response in the engine's hands: owns one reference to it.
///
/// `@unchecked Sendable`: immutable; the engine counts references under a lock of its own.
final class Answer: @unchecked Sendable {
  let status: Int
  /// Where the body comes from, unless it was given to the engine whole.
  let feed: BodyFeed?
  /// Of a body given whole; 0 where only its headers are sent.
  let wholeBytes: Int
  private let raw: OpaquePointer

  /// A larger body is fetched part by part instead of copied.
  private static let copiedBytesMax = 16 << 10

  /// A body that is known. `nil` only when there is no memory.
  init?(status: Int, headers: HeaderFields, body: [UInt8], isHead: Bool) {
    self.status = Self.sound(status)
    if body.count <= Self.copiedBytesMax {
      let made = body.withUnsafeBytes { bytes in
        // Copied by the engine: it does not write through the pointer, which merely lacks a const.
        MHD_create_response_from_buffer(
          bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
      }
      guard let made else { return nil }
      raw = made
      feed = nil
      wholeBytes = isHead ? 0 : body.count
    } else {
      let feed = BytesFeed(body)
      guard let made = feed.makeResponse(size: body.count, blockBytes: 64 << 10) else { return nil }
      raw = made
      self.feed = feed
      wholeBytes = 0
    }
    add(headers)
  }

  /// A body whose length is not known: chunked, or for HTTP/1.0 ended by closing the connection.
  init?(status: Int, headers: HeaderFields, feed: BodyFeed, isHTTP10: Bool, isHead: Bool) {
    self.status = Self.sound(status)
    // The block is only used where the body is not chunked.
    guard let made = feed.makeResponse(size: nil, blockBytes: isHTTP10 ? 32 << 10 : 1024) else { return nil }
    raw = made
    self.feed = feed
    wholeBytes = 0
    // libmicrohttpd 0.9.75 ends even the absent body of a chunked HEAD response with a last chunk, which the client
    // would take for the next response. So the connection is closed instead.
    if isHead { mhd_close_delimited(raw) }
    add(headers)
  }

  deinit { MHD_destroy_response(raw) }

  /// Body bytes that were sent, all of them if `isComplete`.
  func bytesSent(isComplete: Bool) -> Int {
    feed?.bytesFed ?? (isComplete ? wholeBytes : 0)
  }

  /// Hands the response over; only on the connection's I/O thread, within a callback.
  func queue(on connection: OpaquePointer) -> MHD_Result {
    MHD_queue_response(connection, UInt32(status), raw)
  }

  private func add(_ headers: HeaderFields) {
    for (name, value) in headers.fields where !name.isEmpty {
      // A line break would begin another field; the engine refuses such a value, and an empty one.
      let line =
        value.utf8.contains { $0 == 0x0a || $0 == 0x0d || $0 == 0 }
        ? String(decoding: value.utf8.map { $0 == 0x0a || $0 == 0x0d || $0 == 0 ? 0x20 : $0 }, as: UTF8.self) : value
      MHD_add_response_header(raw, name, line)
    }
  }

  /// Anything outside of what ends a request would confuse the client about what follows.
  private static func sound(_ status: Int) -> Int {
    (200...599).contains(status) ? status : 500
  }
}
