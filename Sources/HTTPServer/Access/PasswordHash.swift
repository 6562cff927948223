internal import CCrypt
internal import CGnuTLS
internal import Glibc

/// What is kept of a password: its bcrypt hash, as `htpasswd -B` writes it. It does not print itself.
public struct PasswordHash: Sendable, Hashable {
  /// `$2y$10$`, 22 characters of salt and 31 of hash.
  let text: String
  /// The logarithm of the work, from 4 to 31: each step takes twice as long, 10 about 70 ms.
  public let cost: Int

  /// bcrypt looks at no more of a password.
  static let passwordBytesMax = 72

  /// `nil` if the text is not the bcrypt hash of anything. The prefixes 2a, 2b and 2y mean the same here.
  public init?(_ text: String) {
    let bytes = Array(text.utf8)
    let isKnown = ["$2a$", "$2b$", "$2y$"].contains { bytes.starts(with: $0.utf8) }
    guard bytes.count == 60, isKnown, bytes[6] == UInt8(ascii: "$"),
      let cost = Int(String(decoding: bytes[4..<6], as: UTF8.self)), (4...31).contains(cost),
      bytes[7...].allSatisfy({ Self.alphabet.contains($0) })
    else { return nil }
    self.text = text
    self.cost = cost
  }

  private static let alphabet = Set("./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)

  /// A hash of this cost that no password is known for: what takes as long to be found wrong as a real one.
  static func dummy(cost: Int) -> PasswordHash {
    let digits = cost < 10 ? "0\(cost)" : "\(cost)"
    let salt = String(repeating: ".", count: 53)
    return PasswordHash(unchecked: "$2b$\(digits)$\(salt)", cost: cost)
  }

  private init(unchecked text: String, cost: Int) {
    self.text = text
    self.cost = cost
  }

  /// Whether it is this password's. Takes the time that the cost says, on the calling thread.
  func matches(_ password: [UInt8]) -> Bool {
    // The C library would take a password for shorter than it is.
    guard !password.contains(0) else { return false }
    var phrase = password.map { CChar(bitPattern: $0) } + [0]
    defer { explicit_bzero(&phrase, phrase.count) }
    var made = [CChar](repeating: 0, count: crypt_output_size())
    let scratch = UnsafeMutableRawPointer.allocate(byteCount: crypt_scratch_size(), alignment: 16)
    defer { scratch.deallocate() }
    guard crypt_hash(phrase, text, scratch, &made) != 0 else { return false }
    // The hash itself: the salt before it may be written in more than one way.
    let (found, expected) = (Array(made[29..<60]), text.utf8.dropFirst(29).map { CChar(bitPattern: $0) })
    return made[60] == 0 && expected.count == found.count && gnutls_memcmp(found, expected, found.count) == 0
  }
}

extension PasswordHash: CustomStringConvertible, CustomReflectable {
  public var description: String { "(bcrypt hash of cost \(cost))" }
  public var customMirror: Mirror { Mirror(self, children: ["cost": cost]) }
}
