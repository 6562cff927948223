/// `and`, `or`, `unless`.
extension Evaluator {
  /// The left series with, or without, a right one of the same signature at the same step.
  func intersect(
    _ a: Block, _ b: Block, _ matching: VectorMatching, _ frame: Frame, keepsMatches: Bool
  ) throws(QueryError) -> Block {
    if a.keys.isEmpty { return a }
    if b.keys.isEmpty { return keepsMatches ? try emptyBlock(frame) : a }
    var index = SignatureIndex()
    let filter = LabelFilter.matching(matching)
    let left = index.numbers(of: a.keys, filter, labels)
    let right = index.numbers(of: b.keys, filter, labels).rowsBySignature(index.count)
    var present: [Int: [Bool]] = [:]
    for row in a.keys.indices {
      if row & 31 == 0 { try control.check() }
      let others = right[left[row]]
      let values = a.rows[row]
      if others.count == 1 {
        let other = b.rows[others[0]]
        for step in 0..<frame.count where other[step].isMissing == keepsMatches { values[step] = .missing }
        continue
      }
      let union = present[left[row]] ?? union(others, b.rows)
      present[left[row]] = union
      for step in 0..<frame.count where union[step] != keepsMatches { values[step] = .missing }
    }
    return withoutEmptyRows(a)
  }

  /// At which steps any of the rows has a value.
  private func union(_ rows: [Int], _ block: Rows) -> [Bool] {
    var union = [Bool](repeating: false, count: block.width)
    for row in rows {
      let values = block[row]
      for step in 0..<block.width where !values[step].isMissing { union[step] = true }
    }
    return union
  }

  /// All left series, and the right ones at the steps where no left one has their signature.
  func unite(_ a: Block, _ b: Block, _ matching: VectorMatching, _ frame: Frame) throws(QueryError) -> Block {
    if a.keys.isEmpty { return b }
    if b.keys.isEmpty { return a }
    let rest = try intersect(b, a, matching, frame, keepsMatches: false)
    if rest.keys.isEmpty { return a }
    let rows = try Rows(count: a.keys.count + rest.keys.count, width: frame.count, control: control)
    for row in a.keys.indices { rows[row].update(from: a.rows[row], count: frame.count) }
    for row in rest.keys.indices { rows[a.keys.count + row].update(from: rest.rows[row], count: frame.count) }
    return try joinDuplicates(Block(keys: a.keys + rest.keys, rows: rows, namesAgree: false))
  }
}
