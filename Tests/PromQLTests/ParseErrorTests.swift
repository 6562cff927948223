import Testing

@testable import PromQL

/// Errors read, and point, as Prometheus' do.
struct ParseErrorTests {
  @Test(
    arguments: [
      ("", "1:1: parse error: no expression found in input"),
      ("# only", "1:1: parse error: no expression found in input"),
      ("1+)", "1:4: parse error: unexpected right parenthesis ')'"),
      ("1+(1", "1:5: parse error: unclosed left parenthesis"), ("foo[5m", "1:7: parse error: unclosed left bracket"),
      ("foo{", "1:5: parse error: unexpected end of input inside braces"),
      ("1 +", "1:4: parse error: unexpected end of input"),
      ("1 /", "1:4: parse error: unexpected end of input"), ("*1", "1:1: parse error: unexpected <op:*>"),
      ("1 and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"),
      ("1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
      ("foo + bool bar", "1:5: parse error: bool modifier can only be used on comparison operators"),
      ("foo or on(bar) group_left(baz) bar", "1:1: parse error: no grouping allowed for \"or\" operation"),
      ("foo * on(a) group_left(a) bar", "1:5: parse error: label \"a\" must not occur in ON and GROUP clause at once"),
      ("foo + on(x) 10", "1:1: parse error: vector matching only allowed between instant vectors"),
      (
        "1 offset 1d",
        "1:1: parse error: offset modifier must be preceded by an instant vector selector or range vector selector or a subquery"
      ),
      ("foo offset 1s offset 2s", "1:1: parse error: offset may not be set multiple times"),
      ("foo @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"),
      (
        "foo offset bar",
        "1:12: parse error: unexpected identifier \"bar\" in offset, expected number, duration, step(), or range()"
      ),
      ("foo @ bar", "1:7: parse error: unexpected identifier \"bar\" in @, expected timestamp"),
      ("foo @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"),
      ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
      ("{a=~'.*'}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
      ("foo{__name__='bar'}", "1:1: parse error: metric name must not be set twice: \"foo\" or \"bar\""),
      ("foo{gibberish}", "1:14: parse error: unexpected \"}\" in label matching, expected label matching operator"),
      ("foo{1}", "1:5: parse error: unexpected character inside braces: '1'"),
      ("foo{a='b' c='d'}", "1:11: parse error: unexpected identifier \"c\" in label matching, expected \",\" or \"}\""),
      ("foo{a=5}", "1:7: parse error: unexpected character inside braces: '5'"),
      ("foo{,}", "1:5: parse error: unexpected \",\" in label matching, expected identifier or \"}\""),
      ("foo{a=b}", "1:7: parse error: unexpected identifier \"b\" in label matching, expected string"),
      ("foo[0m]", "1:5: parse error: duration must be greater than 0"),
      ("foo[-5m]", "1:5: parse error: duration must be greater than 0"),
      ("foo[5x]", "1:5: parse error: bad number or duration syntax: \"5x\""),
      ("foo[5m1h]", "1:5: parse error: not a valid duration string: \"5m1h\""),
      ("foo[a]", "1:5: parse error: unexpected character in duration expression: 'a'"),
      ("foo[\"5m\"]", "1:5: parse error: unexpected character in duration expression: '\"'"),
      ("foo[#x\n5m]", "1:5: parse error: unexpected character in duration expression: '#'"),
      ("foo[:1m]", "1:6: parse error: unexpected colon before duration in duration expression"),
      ("(foo + bar)[5m]", "1:12: parse error: ranges only allowed for vector selectors"),
      ("foo offset 1m [5m]", "1:15: parse error: no offset modifiers allowed before range"),
      ("foo @ 1 [5m]", "1:9: parse error: no @ modifiers allowed before range"),
      ("foo[5m * 2]", "1:5: parse error: experimental duration expression is not enabled"),
      ("foo[5m] anchored", "1:1: parse error: anchored modifier is experimental and not enabled"),
      ("a + fill(0) b", "1:1: parse error: binop fill modifiers are experimental and not enabled"),
      (
        "sum by (foo bar) (x)",
        "1:13: parse error: unexpected identifier \"bar\" in grouping opts, expected \",\" or \")\""
      ),
      ("sum by foo (x)", "1:8: parse error: unexpected identifier \"foo\" in grouping opts, expected \"(\""),
      ("sum some_metric by (test)", "1:5: parse error: unexpected identifier \"some_metric\""),
      ("sum ()", "1:1: parse error: no arguments for aggregate expression provided"),
      (
        "sum (a, b)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1, got 2"
      ),
      ("topk(foo)", "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 2, got 1"),
      ("topk(foo, bar)", "1:6: parse error: expected type scalar in aggregation parameter, got instant vector"),
      ("count_values(5, foo)", "1:14: parse error: expected type string in aggregation parameter, got scalar"),
      ("sum(foo[5m])", "1:5: parse error: expected type instant vector in aggregation expression, got range vector"),
      ("sum(1 2)", "1:7: parse error: unexpected number \"2\" in aggregation"),
      (
        "limitk(1, a)",
        "1:1: parse error: limitk() is experimental and must be enabled with --enable-feature=promql-experimental-functions"
      ),
      ("rate(foo)", "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector"),
      ("floor()", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 0"),
      ("floor(a, b)", "1:1: parse error: expected 1 argument(s) in call to \"floor\", got 2"),
      ("round(a, 1, 2)", "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3"),
      ("label_join(a)", "1:1: parse error: expected at least 3 argument(s) in call to \"label_join\", got 1"),
      ("floor(1)", "1:7: parse error: expected type instant vector in call to function \"floor\", got scalar"),
      ("non_existent(1)", "1:1: parse error: unknown function with name \"non_existent\""),
      ("holt_winters(a[1m], 1, 1)", "1:1: parse error: unknown function with name \"holt_winters\""),
      ("info(a)", "1:1: parse error: function \"info\" is not enabled"),
      ("rate(foo[1m],)", "1:13: parse error: trailing commas not allowed in function call args"),
      (
        "-\"string\"",
        "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"string\""
      ),
      (
        "-foo[5m]",
        "1:1: parse error: unary expression only allowed on expressions of type scalar or instant vector, got \"range vector\""
      ),
      ("foo[5m] + 1", "1:1: parse error: binary expression must contain only scalar and instant vector types"),
      ("1[5m:]", "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"),
      ("foo\n+\nbar $", "3:5: parse error: unexpected character: '$'"),
      ("1 2", "1:3: parse error: unexpected number \"2\""),
      ("foo bar", "1:5: parse error: unexpected identifier \"bar\""), ("a = b", "1:3: parse error: unexpected \"=\""),
      ("a =~ b", "1:3: parse error: unexpected character after '=': '~'"),
      ("a ! b", "1:3: parse error: unexpected character after '!': ' '"),
      ("\"\\q\"", "1:1: parse error: unknown escape sequence U+0071 'q'"),
      ("\"abc", "1:1: parse error: unterminated quoted string"),
      ("`abc", "1:1: parse error: unterminated raw string"),
      ("1e", "1:1: parse error: bad number or duration syntax: \"1e\""),
      (
        "1e999",
        "1:1: parse error: error parsing number: strconv.ParseFloat: parsing \"1e999\": value out of range"
      ),
      ("0deadbeef", "1:1: parse error: bad number or duration syntax: \"0de\""),
      ("foo)", "1:5: parse error: unexpected right parenthesis ')'"),
      ("foo]", "1:4: parse error: unexpected right bracket ']'"),
      ("foo[5m[", "1:7: parse error: unexpected left bracket '['"),
      ("foo[5m:5m:5m]", "1:10: parse error: unexpected colon ':'"), ("bool", "1:1: parse error: unexpected <bool>"),
      ("a + on(x) * b", "1:11: parse error: unexpected <op:*>"),
    ])
  func `an invalid query says what is wrong and where`(query: String, expected: String) {
    #expect {
      try parseExpression(query)
    } throws: { error in
      let found = "\(error)"
      if found != expected { Issue.record("\(query)\n  expected \(expected)\n  got      \(found)") }
      return found == expected
    }
  }

  @Test(arguments: ["(foo) anchored", "rate(foo[5m]) anchored", "5 anchored"])
  func `only selectors can be anchored`(query: String) {
    #expect {
      try parseExpression(query, features: .all)
    } throws: {
      let refusal = "anchored modifier must be preceded by an instant vector selector or range vector selector"
      return "\($0)" == "1:1: parse error: \(refusal)"
    }
  }

  @Test func `a regex that is none is an error at its matcher`() {
    #expect {
      try parseExpression("foo{bar=~'('}")
    } throws: {
      "\($0)".hasPrefix("1:5: parse error: error parsing regexp")
    }
  }

  @Test(arguments: ["(", "-", "sum(", "abs(", "2^", "foo[", "a[1m:1m]", "{", "1+", "a and ", "foo[5m:(", "((((a)[5m:"])
  func `deep nesting and long chains are refused`(unit: String) {
    let count = 100_000
    #expect(throws: ParseError.self) {
      try parseExpression(String(repeating: unit, count: count), features: .all)
    }
    #expect(throws: ParseError.self) {
      try parseExpression("a" + String(repeating: unit, count: count) + "b", features: .all)
    }
  }

  @Test func `reasonable nesting is accepted`() throws {
    let parens = String(repeating: "(", count: 150) + "a" + String(repeating: ")", count: 150)
    #expect(try parseExpression(parens).type == .vector)
    #expect(try parseExpression(Array(repeating: "a", count: 500).joined(separator: " or ")).type == .vector)
  }
}
