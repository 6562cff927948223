internal import TimeSeries

/// `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` over classic histograms.
extension Evaluator {
  /// The histograms of a block.
  private struct Histograms {
    /// By histogram: its labels without the bounds and the name.
    var keys: [LabelKey]
    /// The buckets of all, histogram by histogram, each in the order of its bounds.
    var buckets: [(upperBound: Double, row: Int)]
    /// By histogram, where its buckets begin; one more at the end.
    var starts: [Int]
  }

  func evaluateHistogram(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    switch call.function.name {
    case .histogramFraction:
      let (lower, upper) = (try scalar(call, 0, frame), try scalar(call, 1, frame))
      let block = try vector(call, 2, frame)
      return try forEachHistogram(block, call.arguments[2].range, frame) { step, buckets, _ in
        Quantile.fraction(lower[step], upper[step], &buckets)
      }
    case .histogramQuantiles: return try evaluateQuantiles(call, frame)
    default:
      let q = try scalar(call, 0, frame)
      for value in q where Quantile.outOfRange(value) != nil {
        notes.invalidQuantile(value, at: call.arguments[0].range)
      }
      let range = call.arguments[1].range
      return try forEachHistogram(try vector(call, 1, frame), range, frame) { step, buckets, evaluator in
        evaluator.histogramQuantile(q[step], &buckets, frame.time(step), range)
      }
    }
  }

  private func histogramQuantile(
    _ q: Double, _ buckets: inout [Quantile.Bucket], _ time: Int64, _ range: PositionRange
  ) -> Double {
    let (value, fix) = Quantile.ofHistogram(q, &buckets)
    if let fix {
      notes.forcedMonotonicity(
        Annotations.Monotonicity(
          lowestBucket: fix.lowestBucket, highestBucket: fix.highestBucket,
          largestDifference: fix.largestDifference, firstTime: time, lastTime: time),
        at: range)
    }
    return value
  }

  private func evaluateQuantiles(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let block = try vector(call, 0, frame)
    let label = string(call, 1)
    if label.isEmpty { throw .execution("invalid label name \"\"") }
    var parts: [Block] = []
    for argument in call.arguments.indices.dropFirst(2) {
      let q = try scalar(call, argument, frame)
      for value in q where Quantile.outOfRange(value) != nil {
        notes.invalidQuantile(value, at: call.arguments[argument].range)
      }
      // The quantile may change from step to step, and with it the label.
      for value in Set(q.map(\.bitPattern)).sorted() {
        let range = call.arguments[1].range
        let number = Double(bitPattern: value)
        var part = try forEachHistogram(block, call.arguments[0].range, frame) { step, buckets, evaluator in
          guard q[step].bitPattern == value else { return .missing }
          return evaluator.histogramQuantile(number, &buckets, frame.time(step), range)
        }
        for i in part.keys.indices {
          let set = labels.labelSet(part.keys[i])
          part.keys[i] = labels.intern(LabelSet(set.labels + [Label(label, OpenMetricsText.float(number))]))
        }
        parts.append(part)
      }
    }
    let rows = try Rows(count: parts.reduce(0) { $0 + $1.keys.count }, width: frame.count, control: control)
    var next = 0
    for part in parts {
      for row in part.keys.indices {
        rows[next].update(from: part.rows[row], count: frame.count)
        next += 1
      }
    }
    return try joinDuplicates(withoutEmptyRows(Block(keys: parts.flatMap(\.keys), rows: rows, namesAgree: false)))
  }

  /// A row for each histogram: what `compute` makes of the buckets it has at each step.
  private func forEachHistogram(
    _ block: Block, _ range: PositionRange, _ frame: Frame,
    _ compute: (Int, inout [Quantile.Bucket], Evaluator) -> Double
  ) throws(QueryError) -> Block {
    let histograms = histograms(block, range)
    let rows = try Rows(count: histograms.keys.count, width: frame.count, control: control)
    var buckets: [Quantile.Bucket] = []
    for row in histograms.keys.indices {
      if row & 31 == 0 { try control.check() }
      let own = histograms.buckets[histograms.starts[row]..<histograms.starts[row + 1]]
      for step in 0..<frame.count {
        buckets.removeAll(keepingCapacity: true)
        for bucket in own {
          let count = block.rows[bucket.row][step]
          if !count.isMissing { buckets.append(Quantile.Bucket(upperBound: bucket.upperBound, count: count)) }
        }
        rows[row][step] = buckets.isEmpty ? .missing : compute(step, &buckets, self)
      }
    }
    let result = withoutEmptyRows(Block(keys: histograms.keys, rows: rows, namesAgree: true))
    return block.namesAgree ? result : try joinDuplicates(result)
  }

  /// The histograms whose buckets the block holds: series that agree in all labels but `le`, the name among them.
  private func histograms(_ block: Block, _ range: PositionRange) -> Histograms {
    let bounds = bucketBounds(block.keys, range)
    let filter = LabelFilter(["le"], keepsListed: false, dropsMetricName: false)
    var index = SignatureIndex()
    let numbers = index.numbers(of: block.keys, filter, labels)
    // A counting sort by histogram; buckets without a bound are left out.
    var starts = [Int](repeating: 0, count: index.count + 1)
    for (row, bound) in bounds.enumerated() where !bound.isMissing { starts[numbers[row] + 1] += 1 }
    for i in 0..<index.count { starts[i + 1] += starts[i] }
    var next = starts
    var buckets = [(upperBound: Double, row: Int)](repeating: (0, 0), count: starts[index.count])
    for (row, bound) in bounds.enumerated() where !bound.isMissing {
      buckets[next[numbers[row]]] = (bound, row)
      next[numbers[row]] += 1
    }
    for i in 0..<index.count {
      let own = starts[i]..<starts[i + 1]
      if zip(own, own.dropFirst()).contains(where: { buckets[$0].upperBound > buckets[$1].upperBound }) {
        buckets[own].sort { $0.upperBound < $1.upperBound }
      }
    }
    let keys = (0..<index.count).map { number in index.withBytes(of: number) { withoutName(labels.intern(bytes: $0)) } }
    return Histograms(keys: keys, buckets: buckets, starts: starts)
  }

  /// The bound of each bucket, `missing` for those that have none, of which a warning tells.
  private func bucketBounds(_ keys: [LabelKey], _ range: PositionRange) -> [Double] {
    var badBounds: [String] = []
    func noteBad(_ text: String) {
      if badBounds.count < 100, !badBounds.contains(text) { badBounds.append(text) }
    }
    defer {
      for text in badBounds {
        notes.warn("bucket label \"le\" is missing or has a malformed value of \(text.quotedAsInGo)", at: range)
      }
    }
    if let (selection, _) = labels.commonSelection(of: keys) {
      // Series share their bounds: each is read once.
      let all = labels.selection(selection)
      var bounds = [Double](repeating: .missing, count: all.labelCount)
      var isBound = [Bool](repeating: false, count: all.labelCount)
      for number in 0..<UInt32(all.labelCount) where all.label(number).isBucket {
        isBound[Int(number)] = true
        bounds[Int(number)] = FloatText.parse(all.label(number).value.assumingMemoryBound(to: UInt8.self)) ?? .missing
      }
      return keys.map { key in
        guard let number = all.numbers(of: Int(key.index)).first(where: { isBound[Int($0)] }) else {
          noteBad("")
          return .missing
        }
        if bounds[Int(number)].isMissing { noteBad(String(decoding: all.label(number).value, as: UTF8.self)) }
        return bounds[Int(number)]
      }
    }
    return keys.map { key in
      labels.withLabels(key) { labels in
        let text = labels.first(where: \.isBucket)?.value ?? UnsafeRawBufferPointer(start: nil, count: 0)
        if let bound = FloatText.parse(text.assumingMemoryBound(to: UInt8.self)) { return bound }
        noteBad(String(decoding: text, as: UTF8.self))
        return .missing
      }
    }
  }
}

extension LabelBytes {
  /// Whether this is the bound of a histogram's bucket.
  fileprivate var isBucket: Bool { name.isText("le") }
}

enum OpenMetricsText {
  /// A number as OpenMetrics writes label values: always with a decimal point or an exponent.
  static func float(_ value: Double) -> String {
    let text = FloatText.string(value, .exposition)
    return !value.isFinite || text.contains(where: { $0 == "." || $0 == "e" }) ? text : text + ".0"
  }
}
