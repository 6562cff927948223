import Testing

@testable import TimeSeries

@Suite struct RegexSizeTests {
  @Test(arguments: [
    ("", 0), ("abc", 3), ("a|b|c", 3), ("a*b+c?", 3), ("(ab)(cd)", 4), ("x{1000}", 1000), ("ax{3}b", 5),
    ("(ab){10}", 20), ("((a{10}){10}){10}", 1000), ("(a|bc{4}){2,5}", 30), ("a{3,}", 3), ("a{0}", 1), ("a{2}{3}", 6),
    // No repetitions.
    ("a{", 2), ("a{,3}", 5), ("a{x}", 4), ("{", 1), ("a{3", 3), ("a{3,4", 5), ("a{3,4,5}", 8),
    // Braces, brackets and parentheses that are something else.
    (#"\{3}"#, 3), (#"\(a{9}"#, 10), (#"\p{Greek}{7}"#, 7), (#"\x{10FFFF}"#, 1), (#"\pL{3}"#, 4), ("[{3}()]{5}", 5),
    ("[]a]{5}", 5), ("[^]a]{5}", 5), (#"[\]a]{5}"#, 5), ("[[:alpha:]x]{5}", 5), ("[abc", 1), (#"\"#, 1), ("(((a{5}", 5),
    ("a)b{4}", 5),
  ])
  func `repetitions are written out`(pattern: String, size: Int) {
    var pattern = pattern
    #expect(pattern.withUTF8 { RegexSize.estimate($0) } == size)
  }

  @Test func `numbers without end do not overflow`() {
    var pattern = String(repeating: "(", count: 50) + "a" + String(repeating: "){999999999999999999999999}", count: 50)
    #expect(pattern.withUTF8 { RegexSize.estimate($0) } == .max)
  }

  @Test func `a pattern that is refused for its size is refused before it is compiled`() {
    let pattern = String(repeating: "x{1000}", count: 200_000)
    let took = ContinuousClock().measure {
      #expect(throws: AnchoredRegex.SyntaxError.self) { try AnchoredRegex(pattern) }
    }
    #expect(took < .seconds(10))  // it would be minutes, and gigabytes
  }

  @Test(arguments: ["(?i)a{2}", "(pod|node)-[0-9]{1,3}(\\.[a-z]{2,63}){0,10}", "x{1000}", #"\p{Greek}{1,3}"#])
  func `ordinary patterns are taken as they were`(pattern: String) throws {
    _ = try AnchoredRegex(pattern)
  }
}
