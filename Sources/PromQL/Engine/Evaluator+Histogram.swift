internal import TimeSeries

/// `histogram_quantile`, `histogram_quantiles` and `histogram_fraction` over classic histograms.
extension Evaluator {
  /// The buckets of one histogram: rows in the order of their bounds.
  private struct Histogram {
    var key: LabelKey
    var buckets: [(upperBound: Double, row: Int)] = []
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
    let histograms = try histograms(block, range)
    let rows = try Rows(count: histograms.count, width: frame.count, control: control)
    var buckets: [Quantile.Bucket] = []
    for (row, histogram) in histograms.enumerated() {
      if row & 31 == 0 { try control.check() }
      for step in 0..<frame.count {
        buckets.removeAll(keepingCapacity: true)
        for bucket in histogram.buckets {
          let count = block.rows[bucket.row][step]
          if !count.isMissing { buckets.append(Quantile.Bucket(upperBound: bucket.upperBound, count: count)) }
        }
        rows[row][step] = buckets.isEmpty ? .missing : compute(step, &buckets, self)
      }
    }
    let result = withoutEmptyRows(Block(keys: histograms.map(\.key), rows: rows, namesAgree: true))
    return block.namesAgree ? result : try joinDuplicates(result)
  }

  /// What one thread finds among the series.
  private struct Part: Sendable {
    var table = LabelTable()
    var scratch = LabelScratch()
    /// By number in the table.
    var buckets: [[Bucket]] = []
    var badBounds: [String] = []

    struct Bucket {
      var upperBound: Double
      var row: Int
    }
  }

  /// The histograms whose buckets the block holds: series that agree in all labels but `le`.
  private func histograms(_ block: Block, _ range: PositionRange) throws(QueryError) -> [Histogram] {
    let labels = labels
    let keys = block.keys
    let parts = try Parallel.run(
      count: keys.count, threads: options.threads, grain: Evaluator.grain, state: { Part() },
      body: { (part: inout Part, rows: Range<Int>) throws(QueryError) in
        for row in rows { Evaluator.sort(row, keys[row], labels, into: &part) }
      })
    var table = LabelTable()
    var histograms: [Histogram] = []
    for part in parts {
      for text in part.badBounds {
        notes.warn("bucket label \"le\" is missing or has a malformed value of \(text.quotedAsInGo)", at: range)
      }
      for (group, buckets) in part.buckets.enumerated() {
        let number = part.table.withBytes(of: group) { table.intern($0) }
        if number == histograms.count {
          let key = labels.intern(keys[buckets[0].row]) { !$0.isMetadata && !$0.isBucket }
          histograms.append(Histogram(key: .interned(key)))
        }
        histograms[number].buckets += buckets.map { ($0.upperBound, $0.row) }
      }
    }
    for i in histograms.indices { histograms[i].buckets.sort { $0.upperBound < $1.upperBound } }
    return histograms
  }

  private static func sort(_ row: Int, _ key: LabelKey, _ labels: LabelStore, into part: inout Part) {
    var bound: Double?
    var text = ""
    part.scratch.removeAll()
    labels.withLabels(key) { lent in
      for label in lent {
        if label.isBucket {
          bound = label.value.withMemoryRebound(to: UInt8.self) { FloatText.parse($0) }
          if bound == nil { text = String(decoding: label.value, as: UTF8.self) }
        } else {
          part.scratch.append(label)
        }
      }
    }
    guard let bound else {
      if part.badBounds.count < 100, !part.badBounds.contains(text) { part.badBounds.append(text) }
      return
    }
    let number = part.table.intern(part.scratch)
    if number == part.buckets.count { part.buckets.append([]) }
    part.buckets[number].append(Part.Bucket(upperBound: bound, row: row))
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
