internal import CEmbedded

/// The page for people: what a browser is given at `/`.
///
/// Its files stand in `site`: HTML, CSS and JavaScript modules, written by hand and served as they are. They are named in
/// `CEmbedded/embedded.c`.
public enum Page {
  /// One file of the page.
  public struct File: Sendable {
    /// Without a folder, as in `style.css`.
    public let name: String
    public let bytes: [UInt8]
    /// As in `text/css; charset=utf-8`.
    public let contentType: String
    /// Changes with the bytes. Weak, as the server may compress them.
    public let entityTag: String
  }

  /// What stands at `/`.
  public static let front = "index.html"

  /// All of them, `front` first.
  public static let files: [File] = UnsafeBufferPointer(start: promring_page, count: promring_page_count).map { file in
    let name = String(cString: file.name)
    let bytes = Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
    return File(name: name, bytes: bytes, contentType: contentType(name), entityTag: entityTag(bytes))
  }

  private static func contentType(_ name: String) -> String {
    let types = [".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"]
    let type = types.first { name.hasSuffix($0.key) }?.value ?? "application/octet-stream"
    return type + "; charset=utf-8"
  }

  /// FNV-1a, 64 bits: it tells versions of a file apart, nothing more.
  private static func entityTag(_ bytes: [UInt8]) -> String {
    let hash = bytes.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    return "W/\"\(String(hash, radix: 16))\""
  }
}
