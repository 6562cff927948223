/// Numbers as a line of blocks of eight heights, one for each.
enum Sparkline {
  private static let blocks: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]

  /// - Parameter values: `nil` and what is not finite leave a gap.
  static func text(_ values: [Double?]) -> String {
    let finite = values.compactMap { $0 }.filter(\.isFinite)
    guard let low = finite.min(), let high = finite.max() else { return String(repeating: " ", count: values.count) }
    // Halved first: the difference of the largest numbers is no number any more.
    let span = high / 2 - low / 2
    return String(
      values.map { value in
        guard let value, value.isFinite else { return " " }
        guard span > 0 else { return blocks[0] }
        return blocks[min(Int((value / 2 - low / 2) / span * 8), 7)]
      })
  }

  /// At most `width` values that stand for all: of each stretch of neighbours the last that there is.
  static func thinned(_ values: [Double?], to width: Int) -> [Double?] {
    guard values.count > width, width > 0 else { return values }
    return (0..<width).map { column in
      values[column * values.count / width..<(column + 1) * values.count / width].last { $0 != nil } ?? nil
    }
  }
}
