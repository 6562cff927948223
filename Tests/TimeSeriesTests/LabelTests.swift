import Testing

@testable import TimeSeries

@Suite struct LabelTests {
  @Test func `a label set is sorted, without repeats or empty values`() {
    let set = LabelSet([Label("b", "2"), Label("a", "1"), Label("c", ""), Label("b", "3"), Label("__name__", "up")])
    #expect(set.labels == [Label("__name__", "up"), Label("a", "1"), Label("b", "3")])
    #expect(set.description == #"up{a="1", b="3"}"#)
    #expect(set["c"] == "")
  }

  @Test func `composed and decomposed forms are different values`() {
    #expect(Label("a", "\u{e9}") != Label("a", "e\u{301}"))
    #expect(LabelSet([Label("\u{e9}", "1"), Label("e\u{301}", "2")]).labels.count == 2)
    #expect(Matcher("a", equals: "\u{e9}").matches("e\u{301}") == false)
  }

  @Test func `names outside the classic alphabet are quoted`() {
    #expect(
      LabelSet([Label("__name__", "http.requests"), Label("a b", "x\"y\\z\n")]).description
        == #"{"http.requests", "a b"="x\"y\\z\n"}"#)
  }

  @Test(arguments: [
    (Matcher.Operation.equal, "a", "a", true), (.equal, "a", "b", false), (.notEqual, "a", "b", true),
    (.regexMatch, "a|b", "b", true), (.regexMatch, "a|b", "ab", false), (.regexNoMatch, "a.*", "b", true),
    (.regexMatch, "a.b", "a\nb", true), (.regexMatch, "", "", true), (.regexMatch, ".+", "", false),
  ])
  func `regular expressions are anchored and a dot matches a newline`(
    operation: Matcher.Operation, pattern: String, text: String, matches: Bool
  ) throws {
    #expect(try Matcher("l", operation, pattern).matches(text) == matches)
  }

  @Test func `a wrong regex says what is wrong`() {
    #expect { _ = try Matcher("l", .regexMatch, "a(") } throws: { "\($0)".contains("missing )") }
  }

  @Test func `groups are found by number and name`() throws {
    let regex = try AnchoredRegex("(?P<first>a+)(b)?(c+)")
    #expect(regex.groups(in: "aac") == ["aac", "aa", nil, "c"])
    #expect(regex.groupName(1) == "first")
    #expect(regex.groupName(2) == nil)
    #expect(regex.groups(in: "x") == nil)
  }
}
