internal import TimeSeries

/// `info`: adds the labels of info metrics to the series that they describe.
extension Evaluator {
  private static let identifyingLabels = ["instance", "job"]

  /// What the second argument asks for.
  private struct InfoRequest {
    var nameMatchers: [Matcher]
    /// By the name of the label to take; empty: all labels are taken.
    var dataMatchers: [Matcher]

    func takes(_ name: String) -> Bool {
      dataMatchers.isEmpty || dataMatchers.contains { $0.name.hasSameBytes(as: name) }
    }
  }

  func evaluateInfo(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let base = try vector(call, 0, frame)
    var request = InfoRequest(nameMatchers: [Matcher(Label.metricName, equals: "target_info")], dataMatchers: [])
    if call.arguments.count > 1, case .vectorSelector(let selector) = call.arguments[1].withoutParens {
      request.dataMatchers = selector.matchers.filter { !$0.name.hasSameBytes(as: Label.metricName) }
      let names = selector.matchers.filter { $0.name.hasSameBytes(as: Label.metricName) }
      if !names.isEmpty { request.nameMatchers = names }
    }
    let sets = base.keys.map { labels.labelSet($0) }
    let isInfo = sets.map { set in request.nameMatchers.allSatisfy { $0.matches(set.metricName) } }
    let info = try readInfo(call, request, frame)
    return try combine(base, sets, isInfo, info, request, frame)
  }

  /// The info series, each row the timestamps of its samples.
  private func readInfo(_ call: Call, _ request: InfoRequest, _ frame: Frame) throws(QueryError) -> Block {
    // The labels of the step's own time, whatever offset the first argument looks back by.
    let selector = VectorSelector(
      name: "", matchers: request.nameMatchers + request.dataMatchers, range: call.range)
    return try read(makeLeaf(selector, frame, .sampleTime))
  }

  private func identity(_ set: LabelSet) -> [String] { Evaluator.identifyingLabels.map { set[$0] } }

  private func combine(
    _ base: Block, _ sets: [LabelSet], _ isInfo: [Bool], _ info: Block, _ request: InfoRequest, _ frame: Frame
  ) throws(QueryError) -> Block {
    let infoSets = info.keys.map { labels.labelSet($0) }
    var infoRows: [LabelSet: [Int]] = [:]
    for row in infoSets.indices { infoRows[identityKey(infoSets[row]), default: []].append(row) }
    let needsMatch = request.dataMatchers.contains { !$0.matchesEmpty }
    var rowOf: [Int32: Int] = [:]
    var found: [(key: LabelKey, values: [Double])] = []
    for row in base.keys.indices {
      if row & 31 == 0 { try control.check() }
      let hasIdentity = identity(sets[row]).contains { !$0.isEmpty }
      let candidates = isInfo[row] || !hasIdentity ? [] : infoRows[identityKey(sets[row])] ?? []
      for step in 0..<frame.count where !base.rows[row][step].isMissing {
        let newest = try newest(candidates, info, infoSets, step)
        if newest.isEmpty, needsMatch, !isInfo[row] { continue }
        let key = newest.isEmpty ? base.keys[row] : try enrich(sets[row], newest.map { infoSets[$0] }, request)
        let number = LabelKey.interned(labels.intern(key))
        if rowOf[number.index] == nil {
          try control.admit((found.count + 1) * frame.count)
          rowOf[number.index] = found.count
          found.append((number, Array(repeating: .missing, count: frame.count)))
        }
        let i = rowOf[number.index] ?? 0
        if !found[i].values[step].isMissing { throw .duplicateLabelSets }
        found[i].values[step] = base.rows[row][step]
      }
    }
    let rows = try Rows(count: found.count, width: frame.count, control: control)
    for (row, entry) in found.enumerated() {
      for step in 0..<frame.count { rows[row][step] = entry.values[step] }
    }
    return Block(keys: found.map(\.key), rows: rows, namesAgree: false)
  }

  private func identityKey(_ set: LabelSet) -> LabelSet {
    LabelSet(Evaluator.identifyingLabels.map { Label($0, set[$0]) })
  }

  /// Of each info metric the series with the newest sample at the step.
  private func newest(
    _ candidates: [Int], _ info: Block, _ sets: [LabelSet], _ step: Int
  ) throws(QueryError) -> [Int] {
    var newest: [(name: String, row: Int)] = []
    for row in candidates where !info.rows[row][step].isMissing {
      let name = sets[row].metricName
      guard let i = newest.firstIndex(where: { $0.name.hasSameBytes(as: name) }) else {
        newest.append((name, row))
        continue
      }
      let (known, time) = (info.rows[newest[i].row][step], info.rows[row][step])
      if known == time {
        throw .execution(
          "found duplicate series for info metric: existing \(sets[newest[i].row].braced) @ \(Int64(known)), "
            + "new \(sets[row].braced) @ \(Int64(time))")
      }
      if time > known { newest[i].row = row }
    }
    return newest.map(\.row)
  }

  private func enrich(_ base: LabelSet, _ infos: [LabelSet], _ request: InfoRequest) throws(QueryError) -> LabelKey {
    var added: [Label] = []
    for label in infos.flatMap(\.labels) {
      if label.name.hasSameBytes(as: Label.metricName) || !request.takes(label.name) { continue }
      if let known = added.first(where: { $0.name.hasSameBytes(as: label.name) }) {
        if known != label { throw .execution("conflicting label: \(label.name)") }
        continue
      }
      if base[label.name].isEmpty { added.append(label) }
    }
    return labels.intern(LabelSet(base.labels + added))
  }
}
