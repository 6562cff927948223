internal import TimeSeries

/// Arithmetic and comparisons between two vectors.
extension Evaluator {
  func combine(
    _ binary: BinaryExpression, _ lhs: Block, _ rhs: Block, _ matching: VectorMatching, _ frame: Frame
  ) throws(QueryError) -> Block {
    if lhs.keys.isEmpty && rhs.keys.isEmpty { return try emptyBlock(frame) }
    if lhs.keys.isEmpty || rhs.keys.isEmpty, !matching.fills { return try emptyBlock(frame) }
    let join = VectorJoin(binary: binary, matching: matching, lhs: lhs, rhs: rhs, store: labels, steps: frame.count)
    try join.checkOneSide()
    let pairs = join.pairs()
    let rows = try Rows(count: pairs.count, width: frame.count, control: control)
    var keys: [LabelKey] = []
    keys.reserveCapacity(pairs.count)
    for (row, pair) in pairs.enumerated() {
      if row & 31 == 0 { try control.check() }
      try join.compute(pair, into: rows[row])
      keys.append(.interned(join.resultLabels(pair)))
    }
    if binary.op == .trimUpper || binary.op == .trimLower {
      noteTrim(binary, Block(keys: keys, rows: rows, namesAgree: true))
      return try emptyBlock(frame)
    }
    let isNameless = !binary.op.isComparison || binary.returnsBool
    let block = Block(keys: keys, rows: rows, namesAgree: isNameless)
    return try join.merge(block, self)
  }
}

/// The join of two vectors: which series meet, and what comes of it.
///
/// The "many" side is the left one, or for one-to-many the right one; the "one" side must not have two series of the
/// same signature at the same step.
struct VectorJoin {
  /// Two rows that meet; −1 on one side: a fill value stands in.
  struct Pair {
    var many: Int
    var one: Int
    var signature: Int
  }

  private let binary: BinaryExpression
  private let matching: VectorMatching
  private let swaps: Bool
  private let many: Block
  private let one: Block
  private let store: LabelStore
  private let steps: Int
  private let manyRows: [[Int]]
  private let oneRows: [[Int]]
  private var signatures = SignatureIndex()

  init(
    binary: BinaryExpression, matching: VectorMatching, lhs: Block, rhs: Block, store: LabelStore, steps: Int
  ) {
    self.binary = binary
    self.matching = matching
    self.store = store
    self.steps = steps
    swaps = matching.cardinality == .oneToMany
    many = swaps ? rhs : lhs
    one = swaps ? lhs : rhs
    let filter = LabelFilter.matching(matching)
    let manyNumbers = signatures.numbers(of: many.keys, filter, store)
    let oneNumbers = signatures.numbers(of: one.keys, filter, store)
    manyRows = manyNumbers.rowsBySignature(signatures.count)
    oneRows = oneNumbers.rowsBySignature(signatures.count)
  }

  private var fillMany: Double? { swaps ? matching.fillRight : matching.fillLeft }
  private var fillOne: Double? { swaps ? matching.fillLeft : matching.fillRight }
  private var keepsName: Bool { binary.op.isComparison && !binary.returnsBool }

  /// Refuses two series of one signature on the side that must have one, at steps where the other side has any.
  func checkOneSide() throws(QueryError) {
    guard oneRows.contains(where: { $0.count > 1 }) else { return }
    var isAsked = [Bool](repeating: matching.fills, count: steps)
    for row in many.keys.indices {
      for step in 0..<steps where !many.rows[row][step].isMissing { isAsked[step] = true }
    }
    for rows in oneRows where rows.count > 1 {
      for step in 0..<steps where isAsked[step] {
        var found: Int?
        for row in rows where !one.rows[row][step].isMissing {
          if let first = found { throw duplicates(row, first) }
          found = row
        }
      }
    }
  }

  private func duplicates(_ row: Int, _ first: Int) -> QueryError {
    let labels = store.labelSet(one.keys[row])
    let group = labels.labels.filter { label in
      let isListed = matching.labels.contains { $0.hasSameBytes(as: label.name) }
      return matching.on ? isListed : !isListed && !label.name.hasSameBytes(as: Label.metricName)
    }
    let side = swaps ? "left" : "right"
    return .execution(
      "found duplicate series for the match group \(LabelSet(sorted: group).braced) on the \(side) hand-side of the "
        + "operation: [\(labels.braced), \(store.labelSet(one.keys[first]).braced)];many-to-many matching not "
        + "allowed: matching labels must be unique on one side")
  }

  /// Every pair of rows that may meet at some step.
  func pairs() -> [Pair] {
    var pairs: [Pair] = []
    for signature in manyRows.indices {
      let (left, right) = (manyRows[signature], oneRows[signature])
      for row in left {
        for other in right { pairs.append(Pair(many: row, one: other, signature: signature)) }
        if fillOne != nil { pairs.append(Pair(many: row, one: -1, signature: signature)) }
      }
      if fillMany != nil {
        for other in right { pairs.append(Pair(many: -1, one: other, signature: signature)) }
      }
    }
    return pairs
  }

  /// The values of a pair. Where a comparison fails they are missing.
  func compute(_ pair: Pair, into row: UnsafeMutablePointer<Double>) throws(QueryError) {
    if pair.many >= 0, pair.one >= 0 {
      let (left, right) = (many.rows[pair.many], one.rows[pair.one])
      for step in 0..<steps { row[step] = value(left[step], right[step]) }
      return
    }
    for step in 0..<steps {
      let a = pair.many < 0 ? standIn(fillMany, manyRows[pair.signature], many, step) : many.rows[pair.many][step]
      let b = pair.one < 0 ? standIn(fillOne, oneRows[pair.signature], one, step) : one.rows[pair.one][step]
      row[step] = value(a, b)
    }
  }

  @inline(__always) private func value(_ a: Double, _ b: Double) -> Double {
    if a.isMissing || b.isMissing { return .missing }
    let op = binary.op
    let (x, y) = swaps ? (b, a) : (a, b)
    if !op.isComparison { return Arithmetic.value(op, x, y) }
    let holds = Arithmetic.holds(op, x, y)
    return binary.returnsBool ? (holds ? 1 : 0) : holds ? x : .missing
  }

  /// The fill value at a step where no series of the signature has a value.
  private func standIn(_ fill: Double?, _ rows: [Int], _ block: Block, _ step: Int) -> Double {
    guard let fill, !rows.contains(where: { !block.rows[$0][step].isMissing }) else { return .missing }
    return fill
  }

  /// Whether both sides of a pair have a value at the step, whatever came of it.
  private func meets(_ pair: Pair, _ step: Int) -> Bool {
    let left = pair.many < 0 ? standIn(fillMany, manyRows[pair.signature], many, step) : many.rows[pair.many][step]
    let right = pair.one < 0 ? standIn(fillOne, oneRows[pair.signature], one, step) : one.rows[pair.one][step]
    return !left.isMissing && !right.isMissing
  }

  /// The number of the result's labels: those of the many side, in one-to-one matching only the matching ones, and
  /// what `group_left` or `group_right` takes over from the one side.
  func resultLabels(_ pair: Pair) -> Int {
    let isOneToOne = matching.cardinality == .oneToOne
    if isOneToOne, !keepsName || matching.on, matching.include.isEmpty {
      // The labels of the signature, which has no metric name unless `on` lists it.
      let filter = LabelFilter(
        matching.labels, keepsListed: matching.on, dropsMetadata: !keepsName)
      return store.intern(key(pair, manyFirst: true)) { filter($0) }
    }
    let filter = LabelFilter(
      isOneToOne ? matching.labels : [], keepsListed: false, dropsMetricName: false, dropsMetadata: !keepsName)
    let set = store.labelSet(key(pair, manyFirst: true))
    let onlyMatching = pair.many < 0
    var result = set.labels.filter { label in
      label.withBytes { bytes in filter(bytes) && (!onlyMatching || LabelFilter.matching(matching)(bytes)) }
    }
    for name in matching.include {
      result.removeAll { $0.name.hasSameBytes(as: name) }
      guard pair.one >= 0 else { continue }
      result.append(Label(name, store.value(name, one.keys[pair.one])))
    }
    return Int(store.intern(LabelSet(result)).index)
  }

  private func key(_ pair: Pair, manyFirst: Bool) -> LabelKey {
    pair.many >= 0 ? many.keys[pair.many] : one.keys[pair.one]
  }

  /// Joins rows with the same labels; refuses those that meet at the same step.
  func merge(_ block: Block, _ evaluator: Evaluator) throws(QueryError) -> Block {
    let pairs = pairs()
    var rowsOf: [Int32: [Int]] = [:]
    for row in block.keys.indices { rowsOf[block.keys[row].index, default: []].append(row) }
    if rowsOf.count < block.keys.count {
      for rows in rowsOf.values where rows.count > 1 { try refuseMeetings(rows, pairs) }
    }
    try refuseManyToOne(pairs)
    let joined = rowsOf.count < block.keys.count ? try evaluator.joinDuplicates(block) : block
    return evaluator.withoutEmptyRows(joined)
  }

  private func refuseMeetings(_ rows: [Int], _ pairs: [Pair]) throws(QueryError) {
    for step in 0..<steps {
      let meeting = rows.filter { meets(pairs[$0], step) }
      guard meeting.count > 1 else { continue }
      let sameGroup = pairs[meeting[0]].signature == pairs[meeting[1]].signature
      guard sameGroup else { continue }  // joining them will tell
      if matching.cardinality == .oneToOne { throw VectorJoin.implicitManyToOne }
      throw .execution("multiple matches for labels: grouping labels must ensure unique matches")
    }
  }

  private static let implicitManyToOne = QueryError.execution(
    "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)")

  /// In one-to-one matching a signature has one series at a step on either side.
  private func refuseManyToOne(_ pairs: [Pair]) throws(QueryError) {
    guard matching.cardinality == .oneToOne, manyRows.contains(where: { $0.count > 1 }) else { return }
    for (signature, rows) in manyRows.enumerated() where rows.count > 1 {
      for step in 0..<steps {
        let isMatched = fillOne != nil || oneRows[signature].contains { !one.rows[$0][step].isMissing }
        guard isMatched else { continue }
        var count = 0
        for row in rows where !many.rows[row][step].isMissing { count += 1 }
        if count > 1 { throw VectorJoin.implicitManyToOne }
      }
    }
  }
}

extension Label {
  func withBytes<R>(_ body: (LabelBytes) -> R) -> R {
    var (name, value) = (name, value)
    return name.withUTF8 { name in
      value.withUTF8 { value in
        body(LabelBytes(name: UnsafeRawBufferPointer(name), value: UnsafeRawBufferPointer(value)))
      }
    }
  }
}

extension LabelSet {
  /// All labels in braces, the metric name as one of them: how error messages show a series.
  var braced: String {
    let texts = labels.map { label in
      "\(label.name.isLegacyLabelName ? label.name : label.name.quotedAsInGo)=\(label.value.quotedAsInGo)"
    }
    return "{\(texts.joined(separator: ", "))}"
  }
}
