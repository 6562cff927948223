/// A keyed universal hash of byte strings, 128 bits: NH of UMAC (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC: Fast
/// and Secure Message Authentication", CRYPTO '99), with 64-bit words.
///
/// For any two different strings of equal length, chosen without sight of the key, the chance of equal hashes over the
/// random key is at most 2⁻⁶⁴ (Theorem 4.2 there, w = 64). So a million texts have about one chance in 10⁷ that any two
/// of them collide, whatever an adversary sends. The key is drawn once per process. Compare lengths beside the hash.
public struct KeyedHash: @unchecked Sendable {  // the key never changes after init
  /// Longest text that the guarantee covers, in bytes: one key word per text word.
  public static let lengthMax = 4096

  public struct Value: Hashable, Sendable {
    public var low: UInt64
    public var high: UInt64

    @inlinable public init(low: UInt64 = 0, high: UInt64 = 0) {
      self.low = low
      self.high = high
    }
  }

  @usableFromInline let key: UnsafePointer<UInt64>

  /// The key of this process: drawn at first use, never freed.
  public static let process = KeyedHash()

  private init() {
    // Three regions side by side, so that a text in three parts can hash each with words of its own.
    let words = 3 * (KeyedHash.lengthMax / 8)
    let key = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
    var rng = SystemRandomNumberGenerator()
    for i in 0..<words { key[i] = rng.next() }
    self.key = UnsafePointer(key)
  }

  /// Adds the hash of `count` bytes at `text` to `sum`, with the key words of region 0, 1 or 2.
  /// - Precondition: `count` ≤ `lengthMax`. Reads nothing beyond `count` bytes.
  @inlinable @inline(__always)
  public func add(_ text: UnsafeRawPointer, count: Int, region: Int, to sum: inout Value) {
    var key = self.key + region &* (KeyedHash.lengthMax / 8)
    var position = text
    var rest = count
    while rest >= 16 {
      let first = position.loadUnaligned(as: UInt64.self)
      let second = position.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
      accumulate(first &+ key[0], second &+ key[1], &sum)
      key += 2
      position += 16
      rest &-= 16
    }
    if rest > 0 {
      let first = KeyedHash.tail(position, min(rest, 8))
      let second = rest > 8 ? KeyedHash.tail(position + 8, rest &- 8) : 0
      accumulate(first &+ key[0], second &+ key[1], &sum)
    }
  }

  /// The hash of one text.
  @inlinable public func callAsFunction(_ text: UnsafeRawPointer, count: Int) -> Value {
    var sum = Value()
    add(text, count: count, region: 0, to: &sum)
    return sum
  }

  @inlinable @inline(__always)
  func accumulate(_ a: UInt64, _ b: UInt64, _ sum: inout Value) {
    let product = a.multipliedFullWidth(by: b)
    let (low, carry) = sum.low.addingReportingOverflow(product.low)
    sum.low = low
    sum.high = sum.high &+ product.high &+ (carry ? 1 : 0)
  }

  /// The last 1 to 8 bytes of a text as a word, zero-filled, without reading beyond them.
  @inlinable @inline(__always)
  static func tail(_ text: UnsafeRawPointer, _ count: Int) -> UInt64 {
    if count == 8 { return text.loadUnaligned(as: UInt64.self) }
    if count >= 4 {
      let low = UInt64(text.loadUnaligned(as: UInt32.self))
      let high = UInt64(text.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
      return low | high << (UInt64(count &- 4) &* 8)
    }
    var word: UInt64 = 0
    for i in 0..<count { word |= UInt64(text.load(fromByteOffset: i, as: UInt8.self)) << (UInt64(i) &* 8) }
    return word
  }
}
