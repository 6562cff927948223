internal import TimeSeries

/// Aggregations that pick some series of each group: `topk`, `bottomk`, `limitk`, `limit_ratio`.
extension Evaluator {
  func select(_ aggregation: Aggregation, _ frame: Frame) throws(QueryError) -> Block {
    let parameter = try parameter(aggregation, frame)
    let block = try evaluateVector(aggregation.expression, frame)
    guard try isAsked(aggregation, parameter) else { return try emptyBlock(frame) }
    let grouping = grouping(aggregation, block.keys)
    let members = grouping.groupOf.rowsBySignature(grouping.keys.count)
    if frame.count == 1 { return try pick(aggregation, parameter[0], block, members, frame) }
    var chosen = [Bool]()
    for group in members {
      for step in 0..<frame.count {
        if step & 63 == 0 { try control.check() }
        let present = group.filter { !block.rows[$0][step].isMissing }
        chosen = Array(repeating: false, count: present.count)
        for i in choose(aggregation.op, parameter[step], present, block, step) { chosen[i] = true }
        for (i, row) in present.enumerated() where !chosen[i] { block.rows[row][step] = .missing }
      }
    }
    return withoutEmptyRows(block)
  }

  /// The picked series of an instant, group by group, the highest or lowest first.
  private func pick(
    _ aggregation: Aggregation, _ parameter: Double, _ block: Block, _ members: [[Int]], _ frame: Frame
  ) throws(QueryError) -> Block {
    var picked: [Int] = []
    for group in members {
      try control.check()
      let present = group.filter { !block.rows[$0][0].isMissing }
      picked += choose(aggregation.op, parameter, present, block, 0).map { present[$0] }
    }
    let rows = try Rows(count: picked.count, width: 1, control: control)
    for (row, source) in picked.enumerated() { rows[row][0] = block.rows[source][0] }
    return Block(keys: picked.map { block.keys[$0] }, rows: rows, namesAgree: block.namesAgree)
  }

  /// Which of `rows` are picked at a step, as indices into `rows`.
  private func choose(
    _ op: AggregationOperator, _ parameter: Double, _ rows: [Int], _ block: Block, _ step: Int
  ) -> [Int] {
    if op == .limitRatio {
      let ratio = max(-1, min(1, parameter))
      return rows.indices.filter { i in
        let offset = labels.withLabels(block.keys[rows[i]]) { SeriesHash.share(of: $0) }
        return ratio >= 0 ? offset < ratio : offset >= 1 + ratio
      }
    }
    let k = min(rows.count, parameter < 1 ? 0 : Int(min(parameter, 1e9)))
    if k < 1 { return [] }
    if op == .limitk { return Array(0..<k) }
    let values = rows.map { block.rows[$0][step] }
    // NaN comes last; equal values stay in order.
    let order = rows.indices.sorted { a, b in
      let (x, y) = (values[a], values[b])
      if x.isNaN || y.isNaN { return x.isNaN == y.isNaN ? a < b : y.isNaN }
      if x == y { return a < b }
      return op == .topk ? x > y : x < y
    }
    return Array(order.prefix(k))
  }

  /// Whether any step asks for anything; refuses parameters that make no sense.
  private func isAsked(_ aggregation: Aggregation, _ parameter: [Double]) throws(QueryError) -> Bool {
    let numbers = parameter.filter { !$0.isNaN }
    let (lowest, highest) = (numbers.min() ?? .nan, numbers.max() ?? .nan)
    let hasNaN = numbers.count < parameter.count
    if aggregation.op == .limitRatio {
      if !hasNaN, lowest == 0, highest == 0 { return false }
      if hasNaN { throw .execution("Ratio value is NaN") }
      guard let range = aggregation.parameter?.range else { return true }
      let reason = "ratio value should be between -1 and 1, got"
      if highest > 1 { notes.warn("\(reason) \(GoText.g(highest)), capping to 1", at: range) }
      if lowest < -1 { notes.warn("\(reason) \(GoText.g(lowest)), capping to -1", at: range) }
      return true
    }
    if !hasNaN, highest < 1 { return false }
    if hasNaN { throw .execution("Parameter value is NaN") }
    if lowest <= -0x1p63 { throw .execution("Scalar value \(GoText.g(lowest)) underflows int64") }
    if highest >= 0x1p63 { throw .execution("Scalar value \(GoText.g(highest)) overflows int64") }
    return true
  }
}

/// The hash by which `limit_ratio` draws series, the same as Prometheus': XXH64 of the labels, each string with its
/// length before it (`prometheus/prometheus: model/labels/labels_stringlabels.go`).
enum SeriesHash {
  /// The hash as a number from 0 up to 1.
  static func share(of labels: UnsafeBufferPointer<LabelBytes>) -> Double {
    var bytes: [UInt8] = []
    func append(_ text: UnsafeRawBufferPointer) {
      let count = text.count
      if count < 255 {
        bytes.append(UInt8(count))
      } else {
        bytes += [255, UInt8(truncatingIfNeeded: count), UInt8(truncatingIfNeeded: count >> 8)]
        bytes.append(UInt8(truncatingIfNeeded: count >> 16))
      }
      bytes.append(contentsOf: text)
    }
    for label in labels {
      append(label.name)
      append(label.value)
    }
    return Double(bytes.withUnsafeBytes(xxh64)) / Double(UInt64.max)
  }

  private static let prime1: UInt64 = 0x9E37_79B1_85EB_CA87
  private static let prime2: UInt64 = 0xC2B2_AE3D_27D4_EB4F
  private static let prime3: UInt64 = 0x1656_67B1_9E37_79F9
  private static let prime4: UInt64 = 0x85EB_CA77_C2B2_AE63
  private static let prime5: UInt64 = 0x27D4_EB2F_1656_67C5

  private static func rotate(_ value: UInt64, _ count: UInt64) -> UInt64 { value << count | value >> (64 - count) }

  private static func round(_ lane: UInt64, _ input: UInt64) -> UInt64 {
    rotate(lane &+ input &* prime2, 31) &* prime1
  }

  /// XXH64 with seed 0 (xxHash, doc/xxhash_spec.md).
  static func xxh64(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    func word64(_ i: Int) -> UInt64 { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)) }
    var i = 0
    var hash = prime5
    if bytes.count >= 32 {
      var lanes = [prime1 &+ prime2, prime2, 0, 0 &- prime1]
      while i + 32 <= bytes.count {
        for lane in 0..<4 { lanes[lane] = round(lanes[lane], word64(i + lane * 8)) }
        i += 32
      }
      hash = rotate(lanes[0], 1) &+ rotate(lanes[1], 7) &+ rotate(lanes[2], 12) &+ rotate(lanes[3], 18)
      for lane in lanes { hash = (hash ^ round(0, lane)) &* prime1 &+ prime4 }
    }
    hash = hash &+ UInt64(bytes.count)
    while i + 8 <= bytes.count {
      hash = rotate(hash ^ round(0, word64(i)), 27) &* prime1 &+ prime4
      i += 8
    }
    if i + 4 <= bytes.count {
      let word = UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: i, as: UInt32.self))
      hash = rotate(hash ^ UInt64(word) &* prime1, 23) &* prime2 &+ prime3
      i += 4
    }
    while i < bytes.count {
      hash = rotate(hash ^ UInt64(bytes[i]) &* prime5, 11) &* prime1
      i += 1
    }
    hash = (hash ^ hash >> 33) &* prime2
    hash = (hash ^ hash >> 29) &* prime3
    return hash ^ hash >> 32
  }
}
