internal import TimeSeries

/// Aggregations that make one series of each group.
extension Evaluator {
  func evaluate(_ aggregation: Aggregation, _ frame: Frame) throws(QueryError) -> Block {
    switch aggregation.op {
    case .countValues: return try countValues(aggregation, frame)
    case .quantile: return try quantile(aggregation, frame)
    case .topk, .bottomk, .limitk, .limitRatio: return try select(aggregation, frame)
    default: break
    }
    // The usual case, `sum by (…) (rate(…))`: no row of any single series is kept.
    if let leaf = try leafForAggregation(aggregation.expression, frame) {
      return try gather(aggregation, leaf)
    }
    let block = try evaluateVector(aggregation.expression, frame)
    let grouping = grouping(aggregation, block.keys)
    var rows = GroupRows(aggregation.op, width: frame.count)
    try control.admit(grouping.keys.count * frame.count)
    for _ in grouping.keys { rows.addGroup() }
    for row in block.keys.indices {
      if row & 31 == 0 { try control.check() }
      rows.add(block.rows[row], to: grouping.groupOf[row])
    }
    return try result(rows, grouping.keys, aggregation)
  }

  private func result(
    _ groups: GroupRows, _ keys: [LabelKey], _ aggregation: Aggregation
  ) throws(QueryError) -> Block {
    let rows = try Rows(count: keys.count, width: groups.width, control: control)
    for group in keys.indices { groups.write(group, to: rows[group]) }
    return withoutEmptyRows(Block(keys: keys, rows: rows, namesAgree: !aggregation.keepsName))
  }

  /// The selector, or function over a range selector, that is aggregated, if it is just that.
  private func leafForAggregation(_ expression: Expression, _ frame: Frame) throws(QueryError) -> Leaf? {
    let leaf: Leaf
    switch expression.withoutParens {
    case .vectorSelector(let selector):
      leaf = try makeLeaf(selector, frame, selector.extent == .smoothed ? .smoothed : .instant)
    case .call(let call):
      guard call.function.name != .absentOverTime, let made = try makeRangeLeaf(call, frame) else { return nil }
      leaf = made
    default: return nil
    }
    return leaf
  }

  /// Reads and aggregates series by series, threads side by side, each with groups of its own.
  private func gather(_ aggregation: Aggregation, _ leaf: Leaf) throws(QueryError) -> Block {
    if leaf.dropsName, !leaf.namesAgree {
      // Two names may fall together: that has to be noticed before anything is added up.
      let block = try read(leaf)
      let grouping = grouping(aggregation, block.keys)
      var rows = GroupRows(aggregation.op, width: leaf.frame.count)
      for _ in grouping.keys { rows.addGroup() }
      for row in block.keys.indices { rows.add(block.rows[row], to: grouping.groupOf[row]) }
      return try result(rows, grouping.keys, aggregation)
    }
    struct Part {
      var reader: Leaf.Reader
      var rows: GroupRows
      /// The groups that have a row, in its order.
      var groups: [Int]
      var firstFound: Int?
    }
    let (control, width) = (control, leaf.frame.count)
    let countsPerStep = countsPerStep(leaf.frame)
    let scratchRows = try Rows(count: options.threads, width: width, control: control)
    let filter = LabelFilter(
      aggregation.grouping, keepsListed: !aggregation.without, dropsMetadata: leaf.dropsName)
    let grouping = labels.groups(leaf.number, leaf.count, filter, dropsName: leaf.dropsName)
    let parts = try Parallel.run(
      count: leaf.count, threads: options.threads, grain: Evaluator.grain, sharing: options.processors
    ) {
      (worker, range) throws(QueryError) in
      var reader = Leaf.Reader(steps: width, countsPerStep: countsPerStep)
      var rows = GroupRows(aggregation.op, width: width)
      var rowOf = [Int32](repeating: -1, count: grouping.firsts.count)
      var groups: [Int] = []
      var firstFound: Int?
      let row = scratchRows[worker]
      try leaf.read(range, &reader, control, row: { _ in row }) { index, row, hasValue throws(QueryError) in
        guard hasValue else { return }
        if firstFound == nil { firstFound = index }
        let group = Int(grouping.groupOf[index])
        if rowOf[group] < 0 {
          try control.admit(rows.groups * width)
          rowOf[group] = Int32(rows.groups)
          groups.append(group)
          rows.addGroup()
        }
        rows.add(row, to: Int(rowOf[group]))
      }
      return Part(reader: reader, rows: rows, groups: groups, firstFound: firstFound)
    }
    var all = GroupRows(aggregation.op, width: width)
    var keys: [LabelKey] = []
    var rowOf = [Int32](repeating: -1, count: grouping.firsts.count)
    for part in parts {
      note(part.reader)
      if let index = part.firstFound { noteNames(leaf, [leaf.key(index)]) }
      for (row, group) in part.groups.enumerated() {
        if rowOf[group] < 0 {
          rowOf[group] = Int32(keys.count)
          keys.append(.interned(labels.intern(leaf.key(grouping.firsts[group])) { filter($0) }))
          all.addGroup()
        }
        all.merge(part.rows, from: row, to: Int(rowOf[group]))
      }
    }
    return try result(all, keys, aggregation)
  }

  // MARK: Groups

  struct Grouping {
    var keys: [LabelKey]
    /// The group of each series.
    var groupOf: [Int]
  }

  func grouping(_ aggregation: Aggregation, _ series: [LabelKey]) -> Grouping {
    var index = SignatureIndex()
    let groupOf = index.numbers(of: series, aggregation.filter, labels)
    let keys = (0..<index.count).map { group in index.withBytes(of: group) { labels.intern(bytes: $0) } }
    return Grouping(keys: keys, groupOf: groupOf)
  }

  /// The scalar parameter at every step.
  func parameter(_ aggregation: Aggregation, _ frame: Frame) throws(QueryError) -> [Double] {
    guard let parameter = aggregation.parameter else { return Array(repeating: 0, count: frame.count) }
    return try evaluateScalar(parameter, frame)
  }

  private func quantile(_ aggregation: Aggregation, _ frame: Frame) throws(QueryError) -> Block {
    let q = try parameter(aggregation, frame)
    let block = try evaluateVector(aggregation.expression, frame)
    if let range = aggregation.parameter?.range {
      if q.contains(where: \.isNaN) { notes.invalidQuantile(.nan, at: range) }
      if let highest = q.max(), highest > 1 { notes.invalidQuantile(highest, at: range) }
      if let lowest = q.min(), lowest < 0 { notes.invalidQuantile(lowest, at: range) }
    }
    let grouping = grouping(aggregation, block.keys)
    let members = grouping.groupOf.rowsBySignature(grouping.keys.count)
    let rows = try Rows(count: grouping.keys.count, width: frame.count, control: control)
    var values: [Double] = []
    for group in grouping.keys.indices {
      for step in 0..<frame.count {
        if step & 63 == 0 { try control.check() }
        values.removeAll(keepingCapacity: true)
        for member in members[group] where !block.rows[member][step].isMissing {
          values.append(block.rows[member][step])
        }
        rows[group][step] = values.isEmpty ? .missing : Quantile.of(q[step], &values)
      }
    }
    return withoutEmptyRows(Block(keys: grouping.keys, rows: rows, namesAgree: !aggregation.keepsName))
  }

  private func countValues(_ aggregation: Aggregation, _ frame: Frame) throws(QueryError) -> Block {
    guard
      case .string(let name)? = try aggregation.parameter.map({ value throws(QueryError) in
        try evaluate(value, frame)
      })
    else { throw .execution("expected a string") }
    if name.isEmpty { throw .execution("invalid label name \"\"") }
    let block = try evaluateVector(aggregation.expression, frame)
    var counted = aggregation
    if !aggregation.without { counted.grouping.append(name) }
    let filter = counted.filter
    var rowOf: [LabelSet: Int] = [:]
    var found: [(labels: LabelSet, counts: [Double])] = []
    for row in block.keys.indices {
      try control.check()
      let base = labels.labelSet(block.keys[row])
      for step in 0..<frame.count where !block.rows[row][step].isMissing {
        let text = FloatText.string(block.rows[row][step], .plain)
        let set = LabelSet(
          LabelSet(base.labels + [Label(name, text)]).labels.filter { label in label.withBytes { filter($0) } })
        if rowOf[set] == nil {
          try control.admit((found.count + 1) * frame.count)
          rowOf[set] = found.count
          found.append((set, Array(repeating: .missing, count: frame.count)))
        }
        let i = rowOf[set] ?? 0
        found[i].counts[step] = found[i].counts[step].isMissing ? 1 : found[i].counts[step] + 1
      }
    }
    let rows = try Rows(count: found.count, width: frame.count, control: control)
    for (row, entry) in found.enumerated() {
      for step in 0..<frame.count { rows[row][step] = entry.counts[step] }
    }
    return Block(keys: found.map { labels.intern($0.labels) }, rows: rows, namesAgree: !counted.keepsName)
  }
}

extension Aggregation {
  /// The labels that make a group.
  var filter: LabelFilter { LabelFilter(grouping, keepsListed: !without) }

  /// Whether groups may differ in their metric name.
  fileprivate var keepsName: Bool {
    !without && grouping.contains { ["__name__", "__type__", "__unit__"].contains($0) }
  }
}
