/// Numbers found by hash: open addressing with linear probing, at most two thirds full. What the numbers stand for, and
/// their hashes, is kept elsewhere. Not synchronised.
struct HashTable: ~Copyable {
  /// A number plus one; 0 = empty.
  private var slots: VirtualArray<UInt32>
  private var mask: Int
  private(set) var count = 0

  init(entriesMax: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    var size = 1024
    while size < entriesMax * 2 { size *= 2 }
    slots = try VirtualArray(capacity: size, meter: meter)
    mask = 1023
    _ = slots.extend(to: 1024)
  }

  @inline(__always) func find(_ hash: UInt32, _ matches: (UInt32) -> Bool) -> UInt32? {
    var slot = Int(hash) & mask
    while slots[slot] != 0 {
      let number = slots[slot] &- 1
      if matches(number) { return number }
      slot = (slot &+ 1) & mask
    }
    return nil
  }

  /// Adds a number that is not in the table.
  /// - Returns: false when memory is at its end.
  mutating func insert(_ number: UInt32, hash: UInt32, hashOf: (UInt32) -> UInt32) -> Bool {
    if (count + 1) * 3 > (mask + 1) * 2 {
      guard grow(hashOf) else { return false }
    }
    place(number, hash)
    count += 1
    return true
  }

  private func place(_ number: UInt32, _ hash: UInt32) {
    var slot = Int(hash) & mask
    while slots[slot] != 0 { slot = (slot &+ 1) & mask }
    slots[slot] = number &+ 1
  }

  private mutating func grow(_ hashOf: (UInt32) -> UInt32) -> Bool {
    let old = mask + 1
    guard slots.extend(to: old * 2) else { return false }
    let numbers = (0..<old).compactMap { slots[$0] == 0 ? nil : slots[$0] &- 1 }
    slots.base.update(repeating: 0, count: old)
    mask = old * 2 - 1
    for number in numbers { place(number, hashOf(number)) }
    return true
  }

  /// Removes a number, moving later ones of its run up so that no gap cuts a probe short (Knuth, vol. 3, 6.4,
  /// algorithm R).
  mutating func remove(_ number: UInt32, hash: UInt32, hashOf: (UInt32) -> UInt32) {
    var gap = Int(hash) & mask
    while slots[gap] != number &+ 1 {
      if slots[gap] == 0 { return }
      gap = (gap &+ 1) & mask
    }
    count -= 1
    var slot = gap
    while true {
      slot = (slot &+ 1) & mask
      if slots[slot] == 0 { break }
      let home = Int(hashOf(slots[slot] &- 1)) & mask
      // The entry may move up unless its home lies cyclically within (gap, slot].
      if (slot &- home) & mask >= (slot &- gap) & mask {
        slots[gap] = slots[slot]
        gap = slot
      }
    }
    slots[gap] = 0
  }
}
