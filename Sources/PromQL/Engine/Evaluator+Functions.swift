internal import TimeSeries

/// Functions of instant vectors and scalars, one sample at a time.
extension Evaluator {
  /// The value of a function that yields a scalar; `nil` for any other.
  func evaluateScalarFunction(_ call: Call, _ frame: Frame) throws(QueryError) -> [Double]? {
    func constant(_ value: Double) -> [Double] { Array(repeating: value, count: frame.count) }
    switch call.function.name {
    case .pi: return constant(.pi)
    case .time: return (0..<frame.count).map { Double(frame.time($0)) / 1000 }
    case .start: return constant(Double(query.start) / 1000)
    case .end: return constant(Double(queryEnd) / 1000)
    case .step: return constant(Double(step) / 1000)
    case .range: return constant(Double(queryEnd - query.start) / 1000)
    case .maxOf, .minOf:
      let isMax = call.function.name == .maxOf
      let (a, b) = (try scalar(call, 0, frame), try scalar(call, 1, frame))
      return zip(a, b).map { isMax ? Arithmetic.max($0, $1) : Arithmetic.min($0, $1) }
    case .scalar:
      let block = try vector(call, 0, frame)
      var values = constant(.nan)
      var counts = [Int](repeating: 0, count: frame.count)
      for row in block.keys.indices {
        for step in 0..<frame.count where !block.rows[row][step].isMissing {
          counts[step] += 1
          values[step] = counts[step] == 1 ? block.rows[row][step] : .nan
        }
      }
      return values
    default: return nil
    }
  }

  func evaluateTimestamp(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    // Of a selector the samples' own times; of anything else the steps'.
    if case .vectorSelector(let selector) = call.arguments[0].withoutParens {
      return try read(makeLeaf(selector, frame, .timestamp))
    }
    let block = try vector(call, 0, frame)
    for row in block.keys.indices {
      for step in 0..<frame.count where !block.rows[row][step].isMissing {
        block.rows[row][step] = Double(frame.time(step)) / 1000
      }
    }
    return try dropNames(block)
  }

  func evaluateDate(
    _ call: Call, _ function: (Calendar) -> Int64, _ frame: Frame
  ) throws(QueryError) -> Block {
    if call.arguments.isEmpty {
      let values = (0..<frame.count).map { step in
        Double(function(Calendar(unixSeconds: frame.time(step) / 1000)))
      }
      return try block(LabelStore.noLabels, values, frame)
    }
    return try dropNames(map(try vector(call, 0, frame)) { Double(function(Arithmetic.calendar($0))) })
  }

  func evaluateClamp(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let block = try vector(call, 0, frame)
    let all = { (value: Double) in [Double](repeating: value, count: frame.count) }
    let low = call.function.name == .clampMax ? all(-.infinity) : try scalar(call, 1, frame)
    let high =
      call.function.name == .clampMin
      ? all(.infinity) : try scalar(call, call.function.name == .clamp ? 2 : 1, frame)
    for row in block.keys.indices {
      let values = block.rows[row]
      for step in 0..<frame.count where !values[step].isMissing {
        values[step] = high[step] < low[step] ? .missing : Arithmetic.clamp(values[step], low[step], high[step])
      }
    }
    return withoutEmptyRows(try dropNames(block))
  }

  func evaluateRound(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let block = try vector(call, 0, frame)
    let nearest =
      call.arguments.count > 1 ? try scalar(call, 1, frame) : Array(repeating: 1, count: frame.count)
    for row in block.keys.indices {
      let values = block.rows[row]
      for step in 0..<frame.count where !values[step].isMissing {
        // The inverse, because it loses less; ties go up.
        let inverse = 1 / nearest[step]
        values[step] = (values[step] * inverse + 0.5).rounded(.down) / inverse
      }
    }
    return try dropNames(block)
  }

  // MARK: Sorting

  /// Sorting means something for an instant only: over a range the result is sorted by labels anyway.
  func evaluateSort(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let block = try vector(call, 0, frame)
    guard frame.count == 1 else { return block }
    let descends = call.function.name == .sortDesc
    let values = block.keys.indices.map { block.rows[$0][0] }
    return try reorder(
      block,
      block.keys.indices.sorted { a, b in
        let (x, y) = (values[a], values[b])
        if x.isNaN || y.isNaN { return x.isNaN == y.isNaN ? a < b : y.isNaN }
        if x == y { return a < b }
        return descends ? x > y : x < y
      })
  }

  func evaluateSortByLabel(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let block = try vector(call, 0, frame)
    guard frame.count == 1 else { return block }
    let names = call.arguments.indices.dropFirst().map { string(call, $0) }
    let sets = block.keys.map { labels.labelSet($0) }
    let descends = call.function.name == .sortByLabelDesc
    return try reorder(
      block,
      block.keys.indices.sorted { a, b in
        let isBefore = { (x: LabelSet, y: LabelSet) in
          for name in names where !x[name].hasSameBytes(as: y[name]) { return NaturalOrder.isLess(x[name], y[name]) }
          return x < y
        }
        return descends ? isBefore(sets[b], sets[a]) : isBefore(sets[a], sets[b])
      })
  }

  private func reorder(_ block: Block, _ order: [Int]) throws(QueryError) -> Block {
    let rows = try Rows(count: order.count, width: 1, control: control)
    for (row, source) in order.enumerated() { rows[row][0] = block.rows[source][0] }
    return Block(keys: order.map { block.keys[$0] }, rows: rows, namesAgree: block.namesAgree)
  }
}

/// The order of people: runs of digits compare as numbers.
enum NaturalOrder {
  static func isLess(_ a: String, _ b: String) -> Bool {
    let (left, right) = (chunks(a), chunks(b))
    for (i, chunk) in left.enumerated() {
      guard i < right.count else { return false }
      let isLastLeft = i == left.count - 1
      let isLastRight = i == right.count - 1
      if let x = Int(chunk), let y = Int(right[i]) {
        if x != y { return x < y }
      } else if chunk != right[i] {
        return chunk.compareBytes(with: right[i]) < 0
      }
      if isLastLeft { return true }
      if isLastRight { return false }
    }
    return !b.isEmpty && left.isEmpty
  }

  /// Runs of digits and of anything else, in turn.
  private static func chunks(_ text: String) -> [String] {
    var chunks: [[UInt8]] = []
    for byte in text.utf8 {
      if let last = chunks.last?.last, last.isDigit == byte.isDigit {
        chunks[chunks.count - 1].append(byte)
      } else {
        chunks.append([byte])
      }
    }
    return chunks.map { String(decoding: $0, as: UTF8.self) }
  }
}
