import HTTPServer
import Testing
import TimeSeries

@testable import Gateway

/// `/api/v1/parse_query`, against what Prometheus' own answers for these queries.
@Suite struct SyntaxTreeTests {
  static let up = vector("up")

  static func vector(_ name: String, _ more: String = "", timing: String = untimed) -> String {
    #"{"type":"vectorSelector","name":"\#(name)","matchers":[\#(more)"#
      + #"{"name":"__name__","type":"=","value":"\#(name)"}],\#(timing),"anchored":false,"smoothed":false}"#
  }

  static let untimed = #""offset":0,"timestamp":null,"startOrEnd":null"#

  static func number(_ text: String) -> String { #"{"type":"numberLiteral","val":"\#(text)"}"# }

  /// Each query with its tree. A list of its own: the compiler takes its time over long literals.
  static let cases: [(query: String, tree: String)] = {
    var cases: [(String, String)] = []
    func add(_ query: String, _ tree: String...) { cases.append((query, tree.joined())) }
    add("up", up)
    add(#"up{job!~"a.*"}"#, vector("up", #"{"name":"job","type":"!~","value":"a.*"},"#))
    add("up offset 5m", vector("up", timing: #""offset":300000,"timestamp":null,"startOrEnd":null"#))
    add("up @ 1.5 offset -1s", vector("up", timing: #""offset":-1000,"timestamp":1500,"startOrEnd":null"#))
    add("up @ end()", vector("up", timing: #""offset":0,"timestamp":null,"startOrEnd":"end""#))
    for (query, text) in [("1e3", "1000"), ("-1.5", "-1.5"), ("Inf", "+Inf"), ("NaN", "NaN"), ("5m", "300")] {
      add(query, number(text))
    }
    add(#""a\"b""#, #"{"type":"stringLiteral","val":"a\"b"}"#)
    add("(up)", #"{"type":"parenExpr","expr":"#, up, "}")
    add("-up", #"{"type":"unaryExpr","op":"-","expr":"#, up, "}")
    add(
      "up[5m] @ start()",
      #"{"type":"matrixSelector","name":"up","matchers":[{"name":"__name__","type":"=","value":"up"}],"#,
      #""offset":0,"timestamp":null,"startOrEnd":"start","anchored":false,"smoothed":false,"range":300000}"#)
    add("up[1h:5m]", #"{"type":"subquery","expr":"#, up, #","range":3600000,"step":300000,"#, untimed, "}")
    add(
      "up[1h:] offset 1m", #"{"type":"subquery","expr":"#, up, #","range":3600000,"step":0,"#,
      #""offset":60000,"timestamp":null,"startOrEnd":null}"#)
    add(
      "sum without (a, b) (up)", #"{"type":"aggregation","op":"sum","expr":"#, up,
      #","param":null,"grouping":["a","b"],"without":true}"#)
    add(
      "topk(3, up)", #"{"type":"aggregation","op":"topk","expr":"#, up, #","param":"#, number("3"),
      #","grouping":[],"without":false}"#)
    add(
      "1 > bool 2", #"{"type":"binaryExpr","op":">","lhs":"#, number("1"), #","rhs":"#, number("2"),
      #","bool":true,"matching":null}"#)
    add(
      "up * on (a) group_left (b) up", #"{"type":"binaryExpr","op":"*","lhs":"#, up, #","rhs":"#, up,
      #","bool":false,"matching":{"card":"many-to-one","labels":["a"],"on":true,"include":["b"],"#,
      #""fillValues":{"lhs":null,"rhs":null}}}"#)
    add(
      "up and up", #"{"type":"binaryExpr","op":"and","lhs":"#, up, #","rhs":"#, up,
      #","bool":false,"matching":{"card":"many-to-many","labels":[],"on":false,"include":[],"#,
      #""fillValues":{"lhs":null,"rhs":null}}}"#)
    add(
      "round(up, 5)",
      #"{"type":"call","func":{"name":"round","argTypes":["vector","scalar"],"variadic":1,"returnType":"vector"},"#,
      #""args":["#, up, ",", number("5"), "]}")
    add(
      "time()",
      #"{"type":"call","func":{"name":"time","argTypes":[],"variadic":0,"returnType":"scalar"},"args":[]}"#)
    return cases
  }()

  @Test(arguments: cases)
  func `each kind of node has its members`(query: String, tree: String) throws {
    let form = "query=" + query.utf8.map { "%" + ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    #expect(try APIBench().api.parseQuery(request("/api/v1/parse_query", form: form)).data == tree)
  }

  @Test func `what does not parse is refused with its place`() throws {
    let api = try APIBench().api
    let error = #expect(throws: HTTPError.self) { try api.parseQuery(request("/x?query=up%7B")) }
    #expect(error?.status == 400)
    #expect(
      error?.message.hasPrefix(#"invalid parameter "query": 1:4: parse error"#) == true, "\(error?.message ?? "")")
  }
}
