internal import CGnuTLS

/// Stands for a secret where it has to be recognised but not kept: its HMAC-SHA-256 under a key that was drawn when the
/// process started and that nobody else knows. Equality takes the same time wherever two codes differ.
struct SecretCode: Sendable, Hashable {
  private let bytes: [UInt8]

  private static let key: [UInt8] = random(count: 32)

  /// - Parameter parts: told apart by their lengths, so that `ab`, `c` is not `a`, `bc`.
  init(_ parts: [some Collection<UInt8>]) {
    var text: [UInt8] = []
    for part in parts {
      withUnsafeBytes(of: UInt64(part.count).bigEndian) { text.append(contentsOf: $0) }
      text.append(contentsOf: part)
    }
    var code = [UInt8](repeating: 0, count: 32)
    let status = gnutls_hmac_fast(GNUTLS_MAC_SHA256, Self.key, Self.key.count, text, text.count, &code)
    gnutls_memset(&text, 0, text.count)
    // Without codes nobody could be told from anybody else.
    precondition(status == 0, "no HMAC-SHA-256 in GnuTLS: error \(status)")
    bytes = code
  }

  static func == (a: SecretCode, b: SecretCode) -> Bool {
    gnutls_memcmp(a.bytes, b.bytes, a.bytes.count) == 0
  }

  /// A number that an outsider cannot foretell.
  var number: UInt64 { bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) } }

  private static func random(count: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    let status = gnutls_rnd(GNUTLS_RND_KEY, &bytes, count)
    precondition(status == 0, "the system gives no random bytes: error \(status)")
    return bytes
  }
}
