internal import TimeSeries

/// Series by the very text they arrive in.
///
/// The same series come again and again with the same label text, and only value and timestamp differ. So a sample's
/// text is cut at these two, and what is left (up to the first, between them, from the second on) is hashed with a
/// 128-bit universal hash. A hit is the series, without parsing a label; `KeyedHash` says why comparing the hash and the
/// three lengths is as good as comparing the text, which then need not be kept.
///
/// Each entry also remembers which one followed it last time: producers send series in a steady order, so mostly the
/// next sample is known before it is read and its text only has to be confirmed.
struct TextCache: ~Copyable {
  /// The text of a sample but for its value and timestamp.
  struct Shape: Equatable {
    var hash: KeyedHash.Value
    var prefix: UInt16
    var middle: UInt16
    var suffix: UInt16
    var valueFirst: Bool
  }

  /// 40 bytes.
  struct Entry {
    var shape: Shape
    var token: SeriesToken
    /// The entry that followed last time.
    var next: UInt32
  }

  private(set) var entries: UnsafeMutablePointer<Entry>
  private(set) var count = 0
  private var capacity = 1024
  /// Entry numbers plus one; 0 = empty. Linear probing, at most half full.
  private var table: UnsafeMutablePointer<UInt32>
  private var mask = 2047

  init() {
    entries = .allocate(capacity: capacity)
    table = .allocate(capacity: mask + 1)
    table.initialize(repeating: 0, count: mask + 1)
  }

  deinit {
    entries.deallocate()
    table.deallocate()
  }

  var memoryBytes: Int { capacity * MemoryLayout<Entry>.stride + (mask + 1) * 4 }

  func find(_ shape: Shape) -> Int? {
    var slot = Int(truncatingIfNeeded: shape.hash.low) & mask
    while table[slot] != 0 {
      let entry = Int(table[slot]) - 1
      if entries[entry].shape == shape { return entry }
      slot = (slot + 1) & mask
    }
    return nil
  }

  /// Adds a shape that is not there yet and returns its number.
  mutating func insert(_ shape: Shape, _ token: SeriesToken) -> Int {
    if count == capacity { grow() }
    entries.advanced(by: count).initialize(to: Entry(shape: shape, token: token, next: UInt32(count)))
    place(count)
    count += 1
    return count - 1
  }

  private func place(_ entry: Int) {
    var slot = Int(truncatingIfNeeded: entries[entry].shape.hash.low) & mask
    while table[slot] != 0 { slot = (slot + 1) & mask }
    table[slot] = UInt32(entry) + 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Entry>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: entries, count: count)
    entries.deallocate()
    entries = larger
    capacity *= 2
    rebuildTable(size: capacity * 2)
  }

  private mutating func rebuildTable(size: Int) {
    table.deallocate()
    table = .allocate(capacity: size)
    table.initialize(repeating: 0, count: size)
    mask = size - 1
    for entry in 0..<count { place(entry) }
  }

  /// Keeps the entries that `isCurrent` allows. Numbers change.
  mutating func removeAll(except isCurrent: (UnsafeBufferPointer<SeriesToken>, (Int, Bool) -> Void) -> Void) {
    let tokens = (0..<count).map { entries[$0].token }
    var kept = [UInt32](repeating: 0, count: count)
    var keptCount = 0
    tokens.withUnsafeBufferPointer { tokens in
      isCurrent(tokens) { i, current in
        guard current else { return }
        keptCount += 1
        kept[i] = UInt32(keptCount)
      }
    }
    for i in 0..<count where kept[i] != 0 {
      var entry = entries[i]
      let successor = Int(entry.next) < count ? kept[Int(entry.next)] : 0
      entry.next = successor == 0 ? kept[i] - 1 : successor - 1
      entries[Int(kept[i]) - 1] = entry
    }
    count = keptCount
    rebuildTable(size: mask + 1)
  }

  mutating func removeAll() {
    count = 0
    capacity = 1024
    entries.deallocate()
    entries = .allocate(capacity: capacity)
    rebuildTable(size: 2048)
  }
}
