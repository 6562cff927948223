import Testing
import TimeSeries

@testable import PromQL

/// What the parser makes of queries. Trees are compared by their shape, which `shape` writes with every grouping
/// spelled out.
struct ParserTests {
  @Test(
    arguments: [
      ("1", "1"), ("+1", "1"), ("-1", "-1"), (".5", "0.5"), ("5.", "5"), ("0x1F", "31"), ("010", "8"), ("08", "8"),
      ("1_000_000", "1000000"), (".123_456", "0.123456"), ("0x_53_AB", "21419"), ("1e3", "1000"), ("1e-3", "0.001"),
      ("Inf", "+Inf"), ("+inF", "+Inf"), ("-Inf", "-Inf"), ("nan", "NaN"), ("5m", "300"), ("1h30m", "5400"),
      ("1d5s20ms", "86405.02"), ("-5m", "-300"), ("9223372036854775808", "9223372036854776000"),
    ])
  func `literals have Go's meaning`(query: String, value: String) throws {
    guard case .number(let literal) = try parseExpression(query) else {
      Issue.record("no number: \(query)")
      return
    }
    #expect(FloatText.string(literal.value, .plain) == value)
  }

  @Test(
    arguments: [
      (#""a\n\t\"b\"""#, "a\n\t\"b\""), (#"'it\'s'"#, "it's"), ("`raw \\n`", "raw \\n"), (#""\u00e9\x41\101""#, "éAA"),
      (#""\U0001F600""#, "😀"), (#""\xc3\xa9""#, "é"), ("'😀'", "😀"), ("`two\nlines`", "two\nlines"),
    ])
  func `strings have Go's escapes`(query: String, value: String) throws {
    guard case .string(let literal) = try parseExpression(query) else {
      Issue.record("no string: \(query)")
      return
    }
    #expect(literal.value.hasSameBytes(as: value))
  }

  @Test(
    arguments: [
      ("1 + 2 * 3", "(1 + (2 * 3))"), ("1 - 2 - 3", "((1 - 2) - 3)"), ("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))"),
      ("-2 ^ 2", "(-(2 ^ 2))"), ("-a * b", "((-a) * b)"), ("2 ^ -1 * 3", "((2 ^ -1) * 3)"),
      ("a or b and c unless d", "(a or ((b and c) unless d))"), ("a > b + c", "(a > (b + c))"),
      ("a atan2 b % c", "((a atan2 b) % c)"), ("- -a", "(-(-a))"), ("a == b != c", "((a == b) != c)"),
      ("a offset 5m + b", "(a offset 5m + b)"), ("foo offset -2 ^ 2", "(foo offset -2s ^ 2)"),
      ("-a offset 1m", "(-a offset 1m)"), ("a + b @ 5", "(a + b @ 5.000)"), ("and and and", "(and and and)"),
      ("sum + sum", "(sum + sum)"), ("start + end", "(start + end)"),
    ])
  func `operators bind as in Prometheus`(query: String, shape: String) throws {
    #expect(try parseExpression(query).shape == shape)
  }

  @Test(
    arguments: [
      ("foo", "foo"), ("foo:bar:baz", "foo:bar:baz"), (":x", ":x"), ("foo{}", "foo"), ("foo{a='b',}", #"foo{a="b"}"#),
      (#"{"my.metric", "weird label"=~"x.*"}"#, #"{"weird label"=~"x.*",__name__="my.metric"}"#),
      (#"{__name__="foo"}"#, #"{__name__="foo"}"#), ("foo{z!='1',a!~'2'}", #"foo{a!~"2",z!="1"}"#),
      ("foo{sum='1',by='2'}", #"foo{by="2",sum="1"}"#), ("foo[5m]", "foo[5m]"), ("foo[ 1h30m ]", "foo[1h30m]"),
      ("foo[300]", "foo[5m]"), ("foo[1.5]", "foo[1s500ms]"), ("foo[5m:]", "foo[5m:]"), ("foo[1h:30s]", "foo[1h:30s]"),
      ("foo[5m] offset 1h", "foo[5m] offset 1h"), ("foo[5m:1m] @ 10 offset -1m", "foo[5m:1m] @ 10.000 offset -1m"),
      ("foo offset 1d @ -2.5", "foo @ -2.500 offset 1d"), ("foo @ start()", "foo @ start()"),
      ("foo[5m] @ end()", "foo[5m] @ end()"), ("rate(foo[5m])[1h:]", "rate(foo[5m])[1h:]"),
      ("sum(a)by(b,c,)", "sum by (b, c) (a)"), ("sum without(b)(a)", "sum without (b) (a)"), ("sum by()(a)", "sum(a)"),
      (#"sum by ("a.b", by, on)(x)"#, #"sum by ("a.b", by, on) (x)"#), ("topk(5, a)", "topk(5, a)"),
      ("SUM(a)", "sum(a)"), ("a </ 5 >/ 2", "a </ 5 >/ 2"), ("max_of + min_of", "max_of + min_of"),
      (#"count_values("v", a)"#, #"count_values("v", a)"#), ("a + on() b", "a + on () b"),
      ("a == bool ignoring(x) b", "a == bool ignoring (x) b"), ("a / on(x) group_left b", "a / on (x) group_left () b"),
      ("a * ignoring(x) group_right(y, z) b", "a * ignoring (x) group_right (y, z) b"), ("1 > bool 2", "1 > bool 2"),
      ("# comment\nfoo # more\n", "foo"), ("foo{ # one\n a='b' # two\n}[5m #x\n:#y\n1m]", #"foo{a="b"}[5m:1m]"#),
      ("time()", "time()"), ("round(a, 5)", "round(a, 5)"), ("year()", "year()"),
      ("label_join(a, 'b', '-', 'c', 'd')", #"label_join(a, "b", "-", "c", "d")"#), ("((a))", "((a))"), ("+a", "+a"),
      ("'a\\'b'", #""a'b""#), ("'\\222'", #""\ufffd""#), ("foo[365d]", "foo[1y]"), ("foo[14d]", "foo[2w]"),
      ("foo[90d]", "foo[90d]"),
      ("sum(sum)", "sum(sum)"), ("fill + fill_left", "fill + fill_left"), ("offset offset 5m", "offset offset 5m"),
      ("foo AND bar", "foo and bar"), ("inf ^ a", "Inf ^ a"), ("+inf ^ a", "+Inf ^ a"), ("a ^ inf", "a ^ +Inf"),
      ("start{x='1'}", #"start{x="1"}"#), ("a[5m0s]", "a[5m]"), ("a[1h0m0s]", "a[1h]"),
    ])
  func `printing is canonical and reads back`(query: String, printed: String) throws {
    let expression = try parseExpression(query)
    #expect(expression.description == printed)
    #expect(try parseExpression(printed).shape == expression.shape)
  }

  @Test(
    arguments: [
      ("foo[step()]", "foo[step()]"), ("foo[5m * 2]", "foo[5m * 2]"), ("foo[(1+2)*3]", "foo[(1 + 2) * 3]"),
      ("foo offset (1h / 2)", "foo offset (1h / 2)"), ("foo offset -(step() * 2)", "foo offset -(step() * 2)"),
      ("foo[max_of(step(), 5m):min_of(1m, 30s)]", "foo[max_of(step(), 5m):min_of(1m, 30s)]"),
      ("foo offset step() + 1", nil),
      ("foo[range()] offset range()", "foo[range()] offset range()"), ("foo[5m] anchored", "foo[5m] anchored"),
      ("foo smoothed offset 5m", "foo smoothed offset 5m"), ("rate(foo[5m] smoothed)", "rate(foo[5m] smoothed)"),
      ("a + fill(0) b", "a + fill (0) b"), ("a - fill_left(-1) fill_right(2.5) b", nil),
      ("a * on (x) group_left () fill_right (1) b", "a * on (x) group_left () fill_right (1) b"),
      ("limitk(2, a)", "limitk(2, a)"), ("limit_ratio(-0.5, a)", "limit_ratio(-0.5, a)"), ("step() + range()", nil),
      ("max_of(step(), 5m)", "max_of(step(), 5m)"),
      ("sort_by_label(a, 'b', 'c')", #"sort_by_label(a, "b", "c")"#), ("info(a, {})", "info(a, {})"), ("end()", nil),
      ("histogram_quantiles(a, 'q', 0.5, 0.9)", #"histogram_quantiles(a, "q", 0.5, 0.9)"#),
    ] as [(String, String?)])
  func `experimental syntax reads when its feature is on`(query: String, printed: String?) throws {
    let expression = try parseExpression(query, features: .all)
    if let printed { #expect(expression.description == printed) }
    #expect(try parseExpression(expression.description, features: .all).shape == expression.shape)
    if !query.hasPrefix("foo offset step") { #expect(throws: ParseError.self) { try parseExpression(query) } }
  }

  @Test func `every node knows its place in the text`() throws {
    let query = "sum by (a) ( rate(foo{b=\"c\"}[5m] offset 1m) ) / -bar"
    let expression = try parseExpression(query)
    var texts: [String] = []
    func visit(_ node: Expression) {
      let range = node.range
      texts.append(String(decoding: Array(query.utf8)[range.start..<range.end], as: UTF8.self))
      node.children.forEach(visit)
    }
    visit(expression)
    #expect(
      texts == [
        query, "sum by (a) ( rate(foo{b=\"c\"}[5m] offset 1m) )", "rate(foo{b=\"c\"}[5m] offset 1m)",
        "foo{b=\"c\"}[5m] offset 1m", "foo{b=\"c\"}", "-bar", "bar",
      ])
  }

  @Test func `long expressions are spread over lines`() throws {
    let name = String(repeating: "a", count: 40)
    let query = "sum by (job) (rate(\(name){x=\"1\"}[5m])) / on (job) group_left () (\(name) + max(\(name)))"
    #expect(
      try parseExpression(query).pretty == """
          sum by (job) (rate(\(name){x="1"}[5m]))
        / on (job) group_left ()
          (\(name) + max(\(name)))
        """)
    let call = "topk(5, histogram_quantile(0.9, sum by (le) (rate(\(name)bbbbbbbbbbbbbbbbbbbb[5m]))))"
    #expect(
      try parseExpression(call).pretty == """
        topk(
          5,
          histogram_quantile(
            0.9,
            sum by (le) (rate(\(name)bbbbbbbbbbbbbbbbbbbb[5m]))
          )
        )
        """)
  }

  @Test func `selectors for match[] are selectors only`() throws {
    #expect(try parseSelector("up{job='x'}").map(\.description) == [#"job="x""#, #"__name__="up""#])
    #expect(try parseSelector(#"{"a.b"}"#).map(\.description) == [#"__name__="a.b""#])
    #expect(try !parseSelector("{}").selectsSomething)
    #expect(try !parseSelector("{a=~'.*'}").selectsSomething)
    #expect(try parseSelector("{a=~'.+'}").selectsSomething)
    #expect(throws: ParseError.self) { try parseSelector("up[5m]") }
    #expect(throws: ParseError.self) { try parseSelector("up offset 5m") }
    #expect(throws: ParseError.self) { try parseSelector("") }
    #expect(throws: ParseError.self) { try parseSelector("1") }
  }
}

extension Expression {
  /// The expression with parentheses around every operation.
  var shape: String {
    switch self {
    case .binary(let node): "(\(node.lhs.shape) \(node.operatorText) \(node.rhs.shape))"
    case .unary(let node): "(\(node.isNegative ? "-" : "+")\(node.expression.shape))"
    case .paren(let node): "[\(node.expression.shape)]"
    case .call(let node): "\(node.function.name)(\(node.arguments.map(\.shape).joined(separator: ", ")))"
    case .aggregation(let node):
      "\(node.heading)(\(node.parameter.map { $0.shape + ", " } ?? "")\(node.expression.shape))"
    case .subquery(let node): "\(node.expression.shape)\(node.suffix)"
    default: description
    }
  }
}
