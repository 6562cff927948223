import Testing

@testable import SampleBuffer

@Suite struct WordSortTests {
  /// Texts that share beginnings, end within words, hold zeros, or are equal.
  private static func texts(_ random: inout SplitMix64, count: Int) -> [[UInt8]] {
    (0..<count).map { _ in
      let stem = Array("service-7-".utf8.prefix(Int.random(in: 0...10, using: &random)))
      return stem
        + (0..<Int.random(in: 0...20, using: &random)).map { _ in [0, 1, 97, 255].randomElement(using: &random) ?? 0 }
    }
  }

  @Test(arguments: [0, 1, 2, 3, 100, 257, 5000])
  func `texts are put in the order of their bytes`(count: Int) {
    var random = SplitMix64(seed: UInt64(count))
    for skipped in [0, 3] {
      let texts = Self.texts(&random, count: count).map { Array("abc".utf8.prefix(skipped)) + $0 }
      let words = TextWords(skipped: skipped)
      let order = WordSort.order(count: count) { i, depth in texts[i].withUnsafeBytes { words.word($0, depth) } }
      let expected = texts.indices.sorted {
        (texts[$0] == texts[$1]) ? $0 < $1 : texts[$0].lexicographicallyPrecedes(texts[$1])
      }
      #expect(order.map { Int($0) } == expected)
    }
  }

  @Test func `numbers that differ in a high byte only are told apart`() {
    let numbers = (0..<1000).map { UInt64($0 * 7919 % 1000) << 40 }
    let order = WordSort.order(count: numbers.count) { i, depth in depth == 0 ? numbers[i] : nil }
    #expect(order.map { numbers[Int($0)] } == numbers.sorted())
  }
}
