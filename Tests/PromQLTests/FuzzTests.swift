import Testing
import TimeSeries

@testable import PromQL

struct SplitMix64: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

struct FuzzTests {
  static let words =
    [
      "(", ")", "{", "}", "[", "]", ",", ":", "=", "=~", "!~", "@", "1", "5m", "0x1f", ".5", "1e3", "Inf", "\"a\"",
      "'b'", "`c`", "foo", "a:b", "job", "\"é\"", "\n", "#x\n", "1_0", "0", "\\", "\"\\x41\"", "sum(", "rate(foo[5m])",
      "[5m]", "[1h:5m]", "{a=\"b\"}", "offset 5m", "@ end()", "by (a)", "on (b)", "le", "label_replace",
    ] + BinaryOperator.allCases.map(\.rawValue) + AggregationOperator.allCases.map(\.rawValue)
    + Keyword.allCases.map(\.rawValue) + FunctionName.allCases.map(\.rawValue)

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `token soup never crashes and what reads prints`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    for _ in 0..<1500 {
      let count = Int.random(in: 1...14, using: &rng)
      let soup = (0..<count).map { _ in FuzzTests.words.randomElement(using: &rng) ?? "" }
      let text = soup.joined(separator: Bool.random(using: &rng) ? " " : "")
      if let problem = problemOfParser(Array(text.utf8)) { Issue.record("seed \(seed): \(text): \(problem)") }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>)
  func `byte soup and mutated queries never crash`(seed: UInt64) {
    var rng = SplitMix64(seed: seed &+ 1000)
    let query = "sum by (a) (rate(foo{b=~\"c.*\"}[5m] offset 1m)) / on (x) group_left (y) -bar[1h:5m] @ 5 > bool 1.5e3"
    for i in 0..<1200 {
      var bytes = Array(query.utf8)
      if i % 3 == 0 {
        bytes = (0..<Int.random(in: 0...40, using: &rng)).map { _ in UInt8.random(in: 0...255, using: &rng) }
      } else {
        for _ in 0..<Int.random(in: 1...4, using: &rng) {
          let at = Int.random(in: 0..<bytes.count, using: &rng)
          switch Int.random(in: 0...2, using: &rng) {
          case 0: bytes[at] = UInt8.random(in: 0...255, using: &rng)
          case 1: bytes.remove(at: at)
          default: bytes.insert(Array("(){}[]\"'`,:@-^".utf8).randomElement(using: &rng) ?? 0, at: at)
          }
        }
      }
      if let problem = problemOfParser(bytes) { Issue.record("seed \(seed): \(bytes): \(problem)") }
    }
  }
}
