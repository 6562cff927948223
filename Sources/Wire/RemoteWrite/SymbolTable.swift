internal import TimeSeries

/// The texts of a version 2 request, by number, and what is remembered of each while the request is decoded.
struct SymbolTable: ~Copyable {
  private var texts: UnsafeMutablePointer<UnsafeRawBufferPointer>
  /// Hashes of texts that were needed; the parts of a series' identity.
  private var hashes: UnsafeMutablePointer<KeyedHash.Value>
  private var capacity = 256
  private(set) var count = 0

  init() {
    texts = .allocate(capacity: capacity)
    hashes = .allocate(capacity: capacity)
  }

  deinit {
    texts.deallocate()
    hashes.deallocate()
  }

  mutating func removeAll() { count = 0 }

  /// Texts longer than the hash takes have none, and so do the series that use them.
  mutating func append(_ text: UnsafeRawBufferPointer, _ hash: KeyedHash) {
    if count == capacity { grow() }
    texts[count] = text
    var value = KeyedHash.Value()
    if text.count <= KeyedHash.lengthMax, let base = text.baseAddress { value = hash(base, count: text.count) }
    // Texts of different lengths must not agree either, for the length of each is not told beside the identity.
    value.high ^= UInt64(text.count) &* 0x9E37_79B9_7F4A_7C15
    hashes[count] = value
    count += 1
  }

  /// - Precondition: `index` < `count`.
  @inline(__always) subscript(index: UInt32) -> UnsafeRawBufferPointer { texts[Int(index)] }
  @inline(__always) func isHashed(_ index: UInt32) -> Bool { texts[Int(index)].count <= KeyedHash.lengthMax }
  /// - Precondition: `isHashed`.
  @inline(__always) func hash(_ index: UInt32) -> KeyedHash.Value { hashes[Int(index)] }

  private mutating func grow() {
    let (oldTexts, oldHashes) = (texts, hashes)
    capacity *= 2
    texts = .allocate(capacity: capacity)
    hashes = .allocate(capacity: capacity)
    texts.update(from: oldTexts, count: count)
    hashes.update(from: oldHashes, count: count)
    oldTexts.deallocate()
    oldHashes.deallocate()
  }
}
