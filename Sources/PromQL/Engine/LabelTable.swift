internal import TimeSeries

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

extension UnsafeRawBufferPointer {
  @inline(__always) func hasSameBytes(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard let mine = baseAddress, let theirs = other.baseAddress else { return count == 0 }
    return memcmp(mine, theirs, count) == 0
  }
}

/// Label sets as text that is being put together: name, 0xFF, value, 0xFF for each label in order. No UTF-8 holds 0xFF.
struct LabelScratch {
  private(set) var bytes: [UInt8] = []

  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  mutating func append(_ label: LabelBytes) {
    bytes.append(contentsOf: label.name)
    bytes.append(0xFF)
    bytes.append(contentsOf: label.value)
    bytes.append(0xFF)
  }

  mutating func append(_ name: String, _ value: String) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(0xFF)
    bytes.append(contentsOf: value.utf8)
    bytes.append(0xFF)
  }
}

/// Label sets, each stored once and known by its number: equal numbers, equal labels.
struct LabelTable {
  private var bytes: [UInt8] = []
  private var ends: [Int] = []
  private var hashes: [UInt64] = []
  /// Open addressing, −1 for free; a power of two, at most half full.
  private var slots: [Int32] = Array(repeating: -1, count: 64)

  var count: Int { ends.count }

  /// The number of the label set in `scratch`.
  mutating func intern(_ scratch: LabelScratch) -> Int {
    scratch.bytes.withUnsafeBytes { intern($0) }
  }

  mutating func intern(_ set: UnsafeRawBufferPointer) -> Int {
    let hash = LabelTable.hash(set)
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] >= 0 {
      let candidate = Int(slots[slot])
      if hashes[candidate] == hash, holds(set, at: candidate) { return candidate }
      slot = (slot + 1) & mask
    }
    let number = ends.count
    slots[slot] = Int32(number)
    bytes.append(contentsOf: set)
    ends.append(bytes.count)
    hashes.append(hash)
    if ends.count * 2 > slots.count { grow() }
    return number
  }

  private func range(_ number: Int) -> Range<Int> { (number == 0 ? 0 : ends[number - 1])..<ends[number] }

  private func holds(_ set: UnsafeRawBufferPointer, at number: Int) -> Bool {
    let range = range(number)
    guard range.count == set.count else { return false }
    return bytes.withUnsafeBytes { UnsafeRawBufferPointer(rebasing: $0[range]).hasSameBytes(as: set) }
  }

  private mutating func grow() {
    slots = Array(repeating: -1, count: slots.count * 2)
    let mask = slots.count - 1
    for (number, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(number)
    }
  }

  /// The bytes of set `number`, lent.
  func withBytes<R>(of number: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    let range = range(number)
    return bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  /// The labels of set `number`, lent.
  func withLabels<R>(of number: Int, _ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R {
    withBytes(of: number) { set in
      var labels: [LabelBytes] = []
      var start = 0
      func take() -> UnsafeRawBufferPointer {
        var end = start
        while set[end] != 0xFF { end += 1 }
        defer { start = end + 1 }
        return UnsafeRawBufferPointer(rebasing: set[start..<end])
      }
      while start < set.count {
        let name = take()
        labels.append(LabelBytes(name: name, value: take()))
      }
      return labels.withUnsafeBufferPointer(body)
    }
  }

  /// A multiply-and-fold hash over eight bytes at a time; only ever compared within one table.
  static func hash(_ set: UnsafeRawBufferPointer) -> UInt64 {
    @inline(__always) func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
      let product = a.multipliedFullWidth(by: b)
      return product.high ^ product.low
    }
    var hash = 0x9E37_79B9_7F4A_7C15 ^ UInt64(set.count)
    var i = 0
    while i &+ 8 <= set.count {
      hash = fold(hash ^ set.loadUnaligned(fromByteOffset: i, as: UInt64.self), 0xA076_1D64_78BD_642F)
      i &+= 8
    }
    var rest: UInt64 = 0
    while i < set.count {
      rest = rest << 8 | UInt64(set[i])
      i &+= 1
    }
    return fold(hash ^ rest, 0xE703_7ED1_A0B4_28DB)
  }
}
