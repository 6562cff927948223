/// "Did you mean": the known name nearest to a mistyped one.
enum Suggestion {
  /// `; did you mean X?`, or nothing when no known name is near.
  static func text(for mistyped: String, among known: some Sequence<String>) -> String {
    nearest(to: mistyped, among: known).map { "; did you mean \($0)?" } ?? ""
  }

  /// The name that the fewest edits away from `mistyped`, if a third of its letters or fewer need editing.
  static func nearest(to mistyped: String, among known: some Sequence<String>) -> String? {
    let letters = Array(mistyped.lowercased().utf8.prefix(200))
    let limit = max(1, letters.count / 3)
    var best: (name: String, edits: Int)?
    for name in known {
      let edits = distance(letters, Array(name.lowercased().utf8))
      if edits <= limit, edits < best?.edits ?? .max { best = (name, edits) }
    }
    return best?.name
  }

  /// Insertions, deletions, replacements and swaps of neighbours that turn one text into the other (optimal string
  /// alignment). O(a × b) time, three rows of space.
  static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 0..<a.count {
      var row = [i + 1]
      for j in 0..<b.count {
        var edits = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] { edits = min(edits, beforeLast[j - 1] + 1) }
        row.append(edits)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
