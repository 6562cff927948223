import Testing

@testable import TimeSeries

@Suite struct FloatTextTests {
  @Test(arguments: [
    (0.0, "0"), (-0.0, "-0"), (1, "1"), (675, "675"), (100_000, "100000"), (1_000_000, "1e+06"),
    (1_234_567, "1.234567e+06"), (123_456_789, "1.23456789e+08"), (0.0001, "0.0001"), (0.00001, "1e-05"),
    (0.1, "0.1"), (-2.5, "-2.5"), (1e21, "1e+21"), (1.7976931348623157e308, "1.7976931348623157e+308"),
    (.infinity, "+Inf"), (-.infinity, "-Inf"),
  ])
  func `exposition notation is Go's shortest g`(value: Double, text: String) {
    #expect(FloatText.string(value, .exposition) == text)
  }

  @Test(arguments: [
    (0.0, "0"), (-0.0, "-0"), (1_000_000, "1000000"), (1e20, "100000000000000000000"), (1e21, "1e+21"),
    (0.000001, "0.000001"), (0.0000001, "1e-07"), (1_698_732_988_354, "1698732988354"),
    (0.1 + 0.2, "0.30000000000000004"), (1.2345678901234568e20, "123456789012345680000"),
    (-9.007199254740994e15, "-9007199254740994"), (0x1p63, "9223372036854776000"), (0x1p64, "18446744073709552000"),
  ])
  func `JSON notation switches at 1e-6 and 1e21`(value: Double, text: String) {
    #expect(FloatText.string(value, .json) == text)
  }

  @Test(arguments: [
    (1e21, "1" + String(repeating: "0", count: 21)), (1.5e300, "15" + String(repeating: "0", count: 299)),
    (-1.7976931348623157e308, "-17976931348623157" + String(repeating: "0", count: 292)), (2.5e-7, "0.00000025"),
    (0x1p53, "9007199254740992"), (5, "5"),
  ])
  func `plain notation is Go's shortest f, zeros after the digits that tell the number`(value: Double, text: String) {
    #expect(FloatText.string(value, .plain) == text)
  }

  @Test(arguments: [
    ("675.0", 675.0), ("1.0E16", 1e16), ("-1e-3", -0.001), ("+5", 5), (".5", 0.5), ("5.", 5), ("+Inf", .infinity),
    ("-inf", -.infinity), ("Infinity", .infinity), ("-Infinity", -.infinity), ("1e400", .infinity),
    ("-1e400", -.infinity),
    ("1e-400", 0),
  ])
  func `values are read in every notation that is met in the field`(text: String, value: Double) {
    #expect(parse(text) == value)
  }

  @Test(arguments: ["", "-", "+", "abc", "1x", "1 ", " 1", "0x10", "1_000", "--1", "+-1", "1e", "infin", "na", "."])
  func `what is no number is refused`(text: String) {
    #expect(parse(text) == nil)
  }

  @Test func `NaN reads as Prometheus' ordinary NaN`() {
    #expect(parse("NaN")?.bitPattern == StaleMarker.normalNaNBits)
    #expect(parse("nan")?.isStaleMarker == false)
  }

  @Test(arguments: 0..<500 as Range<UInt64>)
  func `every double survives the round trip`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let value = Double(bitPattern: rng.next())
    guard value.isFinite else { return }
    for notation in [FloatText.Notation.exposition, .json, .plain] {
      #expect(parse(FloatText.string(value, notation)) == value, "seed \(seed)")
    }
  }

  @Test(arguments: [0, 9, 10, -1, 99, 100, .max, .min, 1_698_732_988_354] as [Int64])
  func `integers print as Swift prints them`(value: Int64) {
    let text = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: IntegerText.lengthMax) { bytes in
      String(decoding: bytes.prefix(IntegerText.write(value, to: bytes.baseAddress!)), as: UTF8.self)
    }
    #expect(text == String(value))
  }

  private func parse(_ text: String) -> Double? {
    Array(text.utf8).withUnsafeBufferPointer { FloatText.parse($0) }
  }
}

struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
