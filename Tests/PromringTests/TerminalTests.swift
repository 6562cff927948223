import Testing

@testable import promring

@Suite struct TerminalTests {
  let plain = Terminal(width: nil, hasColors: false)
  let coloured = Terminal(width: 40, hasColors: true)

  @Test func `columns are as wide as their widest cell, and the last one ends where its text does`() {
    var table = Table([.init(title: "A"), .init(title: "N", alignsRight: true), .init(title: "LAST")])
    table.append(["long one", "1", "x"])
    table.append(["b", "100", "yy"])
    #expect(table.text(for: plain) == "A           N  LAST\nlong one    1  x\nb         100  yy\n")
  }

  @Test func `colours change no widths, and are left out where there is no terminal`() {
    var table = Table([.init(title: "A", style: .cyan), .init(title: "B")])
    table.append(["1", "2"])
    #expect(table.text(for: coloured) == "\u{1b}[1mA\u{1b}[0m  \u{1b}[1mB\u{1b}[0m\n\u{1b}[36m1\u{1b}[0m  2\n")
    #expect(table.text(for: plain) == "A  B\n1  2\n")
  }

  @Test(arguments: [
    ("plain käse", "plain käse"), ("\u{1b}[31mred", "\\u{1b}[31mred"), ("a\nb\tc", "a\\u{a}b\\u{9}c"),
    ("\u{202e}gnp", "\\u{202e}gnp"), ("\u{9b}2J", "\\u{9b}2J"),
  ])
  func `what would move a terminal's cursor is spelt out`(text: String, safe: String) {
    #expect(text.terminalSafe == safe)
  }

  @Test(arguments: [
    ([0, 1, 2, 3, 4, 5, 6, 7], "▁▂▃▄▅▆▇█"), ([5, 5], "▁▁"), ([nil, 1, nil, 2], " ▁ █"),
    ([nil, .nan, .infinity], "   "),
    ([-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude], "▁█"), ([], ""),
  ])
  func `a course has a block for each value and gaps where there is none`(values: [Double?], text: String) {
    #expect(Sparkline.text(values) == text)
  }

  @Test func `a long course is thinned to the last value of each stretch`() {
    #expect(Sparkline.thinned([1, 2, 3, 4, nil, nil], to: 3) == [2, 4, nil])
    #expect(Sparkline.thinned([1, nil], to: 3) == [1, nil])
  }

  @Test func `progress is one line that is written over and wiped`() {
    let written = Written()
    var bar = ProgressBar(on: Terminal(width: 60, hasColors: false)) { written.text += $0 }
    bar.show("reading", done: 1, of: 4)
    let cells = String(repeating: "█", count: 7) + String(repeating: "░", count: 23)
    #expect(written.text == "\rreading \(cells) 25 % (1 of 4)\u{1b}[K")
    bar.clear()
    bar.clear()
    #expect(written.text.hasSuffix("(1 of 4)\u{1b}[K\r\u{1b}[K"))
  }

  @Test func `progress keeps within the line, and to terminals`() {
    let written = Written()
    var narrow = ProgressBar(on: Terminal(width: 10, hasColors: false)) { written.text += $0 }
    narrow.show("reading", done: 9, of: 4)
    #expect(written.text == "\rreading █\u{1b}[K")
    var none = ProgressBar(on: plain) { written.text += $0 }
    written.text = ""
    none.show("reading", done: 1, of: 0)
    none.clear()
    #expect(written.text == "")
  }
}

private final class Written {
  var text = ""
}
