/// Looks for bytes that need care in a text, most of which have none.
public enum TextScan {
  /// Whether no byte of `text` is special. Sixteen bytes at a time, the last ones overlapping. Byte-wise SIMD
  /// comparisons would read better, but Swift 6.3 compiles their masks lane by lane: 15 times slower, measured over a
  /// page of 100,000 series.
  /// - Parameter specials: sets the top bit of each special byte; spaces, which fill empty places, must not be special.
  @inlinable @inline(__always)
  public static func isPlain(
    _ text: UnsafeRawBufferPointer, _ specials: (SIMD2<UInt64>) -> SIMD2<UInt64>
  ) -> Bool {
    guard let start = text.baseAddress else { return true }
    let count = text.count
    var special = SIMD2<UInt64>.zero
    if count >= 16 {
      var i = 0
      while i < count {
        // Within bounds: the last round begins 16 bytes before the end.
        special |= specials(start.loadUnaligned(fromByteOffset: min(i, count &- 16), as: SIMD2<UInt64>.self))
        i &+= 16
      }
    } else {
      // Shorter ones fit two words that overlap, or one with spaces in its empty places.
      var words = SIMD2<UInt64>(repeating: 0x2020_2020_2020_2020)
      if count >= 8 {
        words[0] = start.loadUnaligned(as: UInt64.self)
        words[1] = start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      } else if count >= 4 {
        let head = UInt64(start.loadUnaligned(as: UInt32.self))
        words[0] = head | UInt64(start.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self)) << 32
      } else {
        for i in 0..<count { words[0] = words[0] << 8 | UInt64(text[i]) }
      }
      special = specials(words)
    }
    return (special[0] | special[1]) & 0x8080_8080_8080_8080 == 0
  }

  /// Sets the top bit of each byte that is `byte`, itself below 0x80: it is zero exactly there in `word ^ pattern`, and
  /// zero is the only byte below 0x80 from which subtracting one sets the top bit (Warren, Hacker's Delight, 6-1). A
  /// byte above one that was found may show, too.
  @inlinable @inline(__always)
  public static func occurrences(of byte: UInt8, in words: SIMD2<UInt64>) -> SIMD2<UInt64> {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let difference = words ^ SIMD2(repeating: ones &* UInt64(byte))
    return (difference &- SIMD2(repeating: ones)) & ~difference
  }

  /// Sets the top bit of each byte below `bound`, at most 0x80. A byte above one that was found may show, too.
  @inlinable @inline(__always)
  public static func bytes(below bound: UInt8, in words: SIMD2<UInt64>) -> SIMD2<UInt64> {
    (words &- SIMD2(repeating: 0x0101_0101_0101_0101 &* UInt64(bound))) & ~words
  }
}
