/// The codings a response body may be sent in (RFC 9110 section 8.4.1).
enum ContentCoding: String, Sendable {
  case gzip
  /// The zlib format (RFC 1950), not bare DEFLATE.
  case deflate

  /// A fixed body below this is sent as it is: it fits into one packet anyway.
  static let bytesMin = 1024
  /// A fixed body above this is not compressed on an I/O thread, where it would hold up others: at level 1 this
  /// much takes a quarter of a millisecond.
  static let inlineBytesMax = 16 << 10

  /// The first item of `Accept-Encoding` that is exactly the name of a coding we have. As in Prometheus
  /// (`util/httputil/compression.go`), items with a weight (`;q=`) are passed over.
  static func negotiate(_ acceptEncoding: String?) -> ContentCoding? {
    guard let acceptEncoding else { return nil }
    for item in acceptEncoding.utf8.split(separator: UInt8(ascii: ",")) {
      let name = item.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
      let end = name.lastIndex { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\t") }
      guard let end, let coding = ContentCoding(rawValue: String(Substring(name[...end]))) else { continue }
      return coding
    }
    return nil
  }
}
