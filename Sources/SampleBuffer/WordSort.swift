/// Sorts by keys that are read one 64-bit word at a time, as label sets and texts can be: a radix sort on the first
/// words, then among those that agree on the second ones, and so on (most significant digit first; Knuth, vol. 3, 5.2.5).
/// Most of 100,000 neighbours are told apart by a word or two, so no key is looked at more often than that.
enum WordSort {
  private struct Item: BitwiseCopyable {
    var word: UInt64
    var index: Int32
  }

  /// The numbers 0..<`count` in the order of their keys; equal keys keep theirs.
  /// - Parameter word: word `depth` of key `index`; `nil` when the key ended before it, which puts it first.
  static func order(count: Int, word: (_ index: Int, _ depth: Int) -> UInt64?) -> [Int32] {
    var items = (0..<count).map { Item(word: 0, index: Int32($0)) }
    var spare = items
    items.withUnsafeMutableBufferPointer { items in
      spare.withUnsafeMutableBufferPointer { spare in sort(items[...], spare, depth: 0, word) }
    }
    return items.map(\.index)
  }

  private static func sort(
    _ items: Slice<UnsafeMutableBufferPointer<Item>>, _ spare: UnsafeMutableBufferPointer<Item>, depth: Int,
    _ word: (Int, Int) -> UInt64?
  ) {
    var rest = UnsafeMutableBufferPointer(rebasing: items)
    // Keys that have ended come first, in the order they stand in.
    var ended = 0
    var open = 0
    for item in rest {
      if let next = word(Int(item.index), depth) {
        spare[open] = Item(word: next, index: item.index)
        open += 1
      } else {
        rest[ended] = item
        ended += 1
      }
    }
    rest = UnsafeMutableBufferPointer(rebasing: rest[ended...])
    for i in 0..<open { rest[i] = spare[i] }
    if open < 2 { return }
    if open > 256 { radixSort(rest, spare) } else { insertionSort(rest) }
    var start = 0
    while start < open {
      var end = start + 1
      while end < open, rest[end].word == rest[start].word { end += 1 }
      if end - start > 1 { sort(rest[start..<end], spare, depth: depth + 1, word) }
      start = end
    }
  }

  private static func insertionSort(_ items: UnsafeMutableBufferPointer<Item>) {
    for i in items.indices.dropFirst() {
      let item = items[i]
      var k = i
      while k > 0, items[k - 1].word > item.word {
        items[k] = items[k - 1]
        k -= 1
      }
      items[k] = item
    }
  }

  /// By one byte after the other, the lowest first; bytes that all items share cost only the counting.
  private static func radixSort(
    _ items: UnsafeMutableBufferPointer<Item>, _ spare: UnsafeMutableBufferPointer<Item>
  ) {
    var (from, to) = (items, UnsafeMutableBufferPointer(rebasing: spare[..<items.count]))
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 256 * 8) { counts in
      counts.initialize(repeating: 0)
      for item in items {
        for digit in 0..<8 { counts[digit << 8 | Int(item.word >> UInt64(digit * 8) & 255)] += 1 }
      }
      for digit in 0..<8 {
        let shift = UInt64(digit * 8)
        let place = UnsafeMutableBufferPointer(rebasing: counts[digit << 8..<(digit + 1) << 8])
        if place[Int(from[0].word >> shift & 255)] == items.count { continue }
        var sum = 0
        for i in place.indices { (place[i], sum) = (sum, sum + place[i]) }
        for item in from {
          let value = Int(item.word >> shift & 255)
          to[place[value]] = item
          place[value] += 1
        }
        swap(&from, &to)
      }
    }
    if from.baseAddress != items.baseAddress { _ = items.update(from: from) }
  }
}

/// A text as words: seven bytes each, then how many bytes there were, as "a" comes before "a\0".
struct TextWords {
  private static let bytesPerWord = 7
  /// Bytes that all the texts begin with are skipped.
  let skipped: Int

  @inline(__always)
  func word(_ text: UnsafeRawBufferPointer, _ depth: Int) -> UInt64? {
    let start = skipped + depth * Self.bytesPerWord
    let left = text.count - start
    if left > Self.bytesPerWord {
      let bytes = UInt64(bigEndian: text.loadUnaligned(fromByteOffset: start, as: UInt64.self))
      return bytes & ~255 | UInt64(Self.bytesPerWord + 1)
    }
    if left <= 0 { return nil }
    var word: UInt64 = 0
    for i in 0..<Self.bytesPerWord { word = word << 8 | (i < left ? UInt64(text[start + i]) : 0) }
    return word << 8 | UInt64(left)
  }
}
