import Testing

@testable import Configuration

@Suite struct JSONDocumentTests {
  /// The tree as text, for comparing.
  private static func text(_ node: ConfigurationNode) -> String {
    switch node.content {
    case .absent: "null"
    case .scalar(let text): "<\(text)>"
    case .list(let nodes): "[" + nodes.map(text).joined(separator: " ") + "]"
    case .map(let entries): "{" + entries.map { "\($0.key):\(text($0.value))" }.joined(separator: " ") + "}"
    }
  }

  @Test(arguments: [
    (#"{"a": [1, -2.5e3, true, false, null], "b": {}}"#, "{a:[<1> <-2.5e3> <true> <false> null] b:{}}"),
    ("\u{20}\t\r\n[]\n", "[]"),
    (#""\"\\\/\b\f\n\r\t""#, "<\"\\/\u{8}\u{c}\n\r\t>"),
    (#""\u00e9\ud83d\ude00é""#, "<é😀é>"),
    (#"["",{"":""}]"#, "[<> {:<>}]"),
  ])
  func `a document becomes a tree`(json: String, tree: String) throws {
    #expect(Self.text(try JSONDocument.parse(Array(json.utf8))) == tree)
  }

  @Test func `positions are those of the values`() throws {
    let document = try JSONDocument.parse(Array("{\"a\":\n  [1,\n   \"x\"]}".utf8))
    guard case .map(let entries) = document.content, case .list(let nodes) = entries[0].value.content else {
      Issue.record("another tree")
      return
    }
    #expect((entries[0].line, entries[0].column) == (1, 2))
    #expect((nodes[0].line, nodes[0].column, nodes[1].line, nodes[1].column) == (2, 4, 3, 4))
  }

  @Test(arguments: [
    ("", "line 1, column 1: "), ("{", "line 1, column 2: "), ("[1,]", "line 1, column 4: "),
    ("{\"a\":1,}", "line 1, column 8: "), ("{\"a\" 1}", "line 1, column 6: "), ("[1 2]", "line 1, column 4: "),
    ("{a:1}", "line 1, column 2: "), ("1 2", "line 1, column 3: more follows after the end"),
    ("[\n tru]", "line 2, column 2: "), ("nan", "line 1, column 1: "), ("0x10", "line 1, column 1: "),
    ("{\"a\":1,\"a\":2}", "line 1, column 8: \"a\" is given twice"), ("\"a", "line 1, column "),
    ("\"\\x\"", "line 1, column "), ("\"\\ud800\"", "line 1, column "), ("\"\\u12\"", "line 1, column "),
    ("\"\u{1}\"", "line 1, column "), (String(repeating: "[", count: 40), "line 1, column 33: more than 32 levels"),
  ])
  func `what is no JSON is refused with its place`(json: String, message: String) {
    #expect {
      _ = try JSONDocument.parse(Array(json.utf8))
    } throws: { error in
      "\(error)".hasPrefix(message)
    }
  }

  @Test func `bytes that are no UTF-8 are refused`() {
    #expect(throws: JSONDocument.Fault.self) { try JSONDocument.parse([0x22, 0xFF, 0x22]) }
  }

  @Test func `damaged documents end in a tree or a fault`() {
    let whole = Array(#"{"name": "t", "a": ["\u00e9\n", 1.5, {"b": null}], "c": true}"#.utf8)
    for count in 0..<whole.count { _ = try? JSONDocument.parse(Array(whole[..<count])) }
    for place in whole.indices {
      for byte in 0...255 as ClosedRange<UInt8> {
        var damaged = whole
        damaged[place] = byte
        _ = try? JSONDocument.parse(damaged)
      }
    }
  }
}
