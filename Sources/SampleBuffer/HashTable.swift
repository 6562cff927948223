/// Numbers found by hash: open addressing with linear probing, at most two thirds full. What the numbers stand for is
/// kept elsewhere; the hashes stand beside them, so that a probe that meets another number rarely has to look there, and
/// growing never does. Not synchronised.
struct HashTable: ~Copyable {
  /// The hash in the upper half, the number plus one in the lower; 0 = empty.
  private var slots: VirtualArray<UInt64>
  private var mask: Int
  private(set) var count = 0

  init(entriesMax: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    var size = 1024
    while size < entriesMax * 2 { size *= 2 }
    slots = try VirtualArray(capacity: size, meter: meter)
    mask = 1023
    _ = slots.extend(to: 1024)
  }

  @inline(__always) private static func entry(_ number: UInt32, _ hash: UInt32) -> UInt64 {
    UInt64(hash) << 32 | UInt64(number &+ 1)
  }

  @inline(__always) private func home(_ entry: UInt64) -> Int { Int(entry >> 32) & mask }

  @inline(__always) func find(_ hash: UInt32, _ matches: (UInt32) -> Bool) -> UInt32? {
    var slot = Int(hash) & mask
    while case let entry = slots[slot], entry != 0 {
      let number = UInt32(truncatingIfNeeded: entry) &- 1
      if UInt32(truncatingIfNeeded: entry >> 32) == hash && matches(number) { return number }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  /// Adds a number that is not in the table.
  /// - Returns: false when memory is at its end.
  mutating func insert(_ number: UInt32, hash: UInt32) -> Bool {
    if (count + 1) * 3 > (mask + 1) * 2 {
      guard grow() else { return false }
    }
    place(Self.entry(number, hash))
    count += 1
    return true
  }

  private func place(_ entry: UInt64) {
    var slot = home(entry)
    while slots[slot] != 0 { slot = (slot &+ 1) & mask }
    slots[slot] = entry
  }

  private mutating func grow() -> Bool {
    let old = mask + 1
    guard slots.extend(to: old * 2) else { return false }
    let entries = UnsafeBufferPointer(start: slots.base, count: old).filter { $0 != 0 }
    slots.base.update(repeating: 0, count: old)
    mask = old * 2 - 1
    for entry in entries { place(entry) }
    return true
  }

  /// Removes a number, moving later ones of its run up so that no gap cuts a probe short (Knuth, vol. 3, 6.4,
  /// algorithm R).
  mutating func remove(_ number: UInt32, hash: UInt32) {
    let entry = Self.entry(number, hash)
    var gap = home(entry)
    while slots[gap] != entry {
      if slots[gap] == 0 { return }
      gap = (gap &+ 1) & mask
    }
    count -= 1
    var slot = gap
    while true {
      slot = (slot &+ 1) & mask
      if slots[slot] == 0 { break }
      // The entry may move up unless its home lies cyclically within (gap, slot].
      if (slot &- home(slots[slot])) & mask >= (slot &- gap) & mask {
        slots[gap] = slots[slot]
        gap = slot
      }
    }
    slots[gap] = 0
  }
}
