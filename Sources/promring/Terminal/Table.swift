/// Rows in columns that are as wide as their widest cell, two spaces apart.
struct Table {
  struct Column {
    let title: String
    /// Numbers stand to the right.
    var alignsRight = false
    var style: Terminal.Style?
  }

  let columns: [Column]
  private(set) var rows: [[String]] = []

  init(_ columns: [Column]) { self.columns = columns }

  mutating func append(_ row: [String]) { rows.append(row.map(\.terminalSafe)) }

  /// The last column is not padded, so that copies of a line have no spaces at their end.
  func text(for terminal: Terminal) -> String {
    let widths = columns.indices.map { index in
      ([columns[index].title] + rows.map { $0[index] }).map(\.count).max() ?? 0
    }
    func line(_ cells: [String], _ style: (Column) -> Terminal.Style?) -> String {
      var line = ""
      for (index, column) in columns.enumerated() {
        let padding = String(repeating: " ", count: widths[index] - cells[index].count)
        let isLast = index == columns.count - 1
        let cell = style(column).map { terminal.styled(cells[index], $0) } ?? cells[index]
        line += column.alignsRight ? padding + cell : isLast ? cell : cell + padding
        line += isLast ? "\n" : "  "
      }
      return line
    }
    return line(columns.map(\.title)) { _ in .bold } + rows.map { line($0, \.style) }.joined()
  }
}
