internal import CPrefetch
internal import Glibc
public import TimeSeries

/// Reading. A token stays good until its series leaves the buffer; then reading it finds nothing.
extension SampleBuffer {
  // MARK: Series

  /// The series that pass all matchers, in no order.
  public func select(_ matchers: [Matcher]) -> [SeriesToken] {
    indexLock.read {
      var tokens: [SeriesToken] = []
      index.select(matchers, records: recordsBase, recordCount: records.count) { ref in
        tokens.append(SeriesToken(ref: ref, generation: recordsBase[Int(ref)].generation))
      }
      return tokens
    }
  }

  /// How many series `select` has to look at; `Int32.max` when a matcher has to be tried on every value of its label.
  public func selectionCost(_ matchers: [Matcher]) -> Int {
    indexLock.read { index.selectionCost(matchers) }
  }

  /// The series that pass all matchers of any of the selectors, each once, in no order.
  public func select(anyOf selectors: [[Matcher]]) -> [SeriesToken] {
    guard selectors.count != 1 else { return select(selectors[0]) }
    return indexLock.read {
      var seen = BitSet(count: records.count)
      var tokens: [SeriesToken] = []
      for matchers in selectors {
        index.select(matchers, records: recordsBase, recordCount: records.count) { ref in
          guard !seen.contains(Int(ref)) else { return }
          seen.insert(Int(ref))
          tokens.append(SeriesToken(ref: ref, generation: recordsBase[Int(ref)].generation))
        }
      }
      return tokens
    }
  }

  /// Those of the series that may have samples in [`from`, `through`] (milliseconds), at the grain of slabs.
  public func overlapping(_ tokens: [SeriesToken], from: Int64, through: Int64) -> [SeriesToken] {
    let numbers = layout.slabNumbers(from, through)
    if isAll(within: numbers) { return tokens }
    var found: [SeriesToken] = []
    withStripes(of: tokens[...]) { stripe, run in
      let slabs = stripe.slabs(numbers)
      for token in run
      where recordsBase[Int(token.ref)].generation == token.generation && stripe.overlaps(token.ref, numbers, slabs) {
        found.append(token)
      }
    }
    return found
  }

  /// Whether no sample lies outside of these slabs: every series then has samples there.
  private func isAll(within numbers: ClosedRange<Int32>) -> Bool {
    stripes.allSatisfy { stripe in stripe.lock.withLock { stripe.isAll(within: numbers) } }
  }

  /// Runs of series that share a stripe, with its lock held.
  func withStripes(of tokens: ArraySlice<SeriesToken>, _ body: (Stripe, ArraySlice<SeriesToken>) -> Void) {
    var start = tokens.startIndex
    while start < tokens.endIndex {
      let number = StripeMap.stripe(tokens[start].ref)
      var end = start + 1
      while end < tokens.endIndex, StripeMap.stripe(tokens[end].ref) == number { end += 1 }
      let stripe = stripes[number]
      stripe.lock.withLock { body(stripe, tokens[start..<end]) }
      start = end
    }
  }

  // MARK: Labels

  /// Lends the labels of each series, sorted by name. The index is locked meanwhile, so keep slices short (a thousand
  /// series or so) and do not call back into the buffer. A series that is gone has no labels.
  public func withLabels(
    of tokens: ArraySlice<SeriesToken>, _ body: (Int, UnsafeBufferPointer<LabelBytes>) -> Void
  ) {
    withLabelsAndChanges(of: tokens) { i, labels, _ in body(i, labels) }
  }

  /// The same, and what changes from one series to the next; those that are gone, which change nothing, left aside.
  public func withLabelsAndChanges(
    of tokens: ArraySlice<SeriesToken>, _ body: (Int, UnsafeBufferPointer<LabelBytes>, LabelChanges) -> Void
  ) {
    indexLock.read {
      let (index, records) = (index.view, recordsBase)
      withUnsafeTemporaryAllocation(of: LabelBytes.self, capacity: settings.labelsMax) { labels in
        var before = UnsafeBufferPointer<UInt32>(start: nil, count: 0)
        for i in tokens.indices {
          // In an order of labels or groups the series lie anywhere in memory.
          if i + 16 < tokens.endIndex { prefetch(records + Int(tokens[i + 16].ref)) }
          if i + 8 < tokens.endIndex { prefetch(index.heap.pointer(records[Int(tokens[i + 8].ref)].labels)) }
          let token = tokens[i]
          guard records[Int(token.ref)].generation == token.generation else {
            body(i, UnsafeBufferPointer(start: nil, count: 0), .none)
            continue
          }
          let pairs = index.pairIDs(records[Int(token.ref)].labels)
          var changes = LabelChanges.all
          for k in pairs.indices {
            let pair = pairs[k]
            if k < before.count, before[k] == pair {
              changes.remove(k)
            } else {
              labels[k] = index.label(pair)
            }
          }
          before = pairs
          body(i, UnsafeBufferPointer(rebasing: labels[..<pairs.count]), changes)
        }
      }
    }
  }

  /// The label sets of some series, in their order; `nil` for those that are gone.
  public func labelSets(of tokens: [SeriesToken]) -> [LabelSet?] {
    var sets = [LabelSet?](repeating: nil, count: tokens.count)
    var start = 0
    while start < tokens.count {
      let end = min(start + 1024, tokens.count)
      withLabels(of: tokens[start..<end]) { i, labels in
        if !labels.isEmpty { sets[i] = LabelSet(copying: labels) }
      }
      start = end
    }
    return sets
  }

  /// The series that a list of labels is about.
  public enum Carriers {
    case all
    /// Those that may have samples in [`from`, `through`] (milliseconds), at the grain of slabs.
    case within(from: Int64, through: Int64)
    case these([SeriesToken])
  }

  /// Label names in use, sorted by bytes.
  public func labelNames(of carriers: Carriers = .all) -> [String] {
    let names: [[UInt8]] = indexLock.read {
      var names = index.namesInUse
      if let isCarried = filter(of: carriers) {
        names.removeAll { name in !index.pairs(of: name).contains(where: isCarried) }
      }
      return names.map { Array(index.nameBytes($0)) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }.map { String(decoding: $0, as: UTF8.self) }
  }

  /// The values of label `name`, sorted by bytes.
  public func labelValues(_ name: String, of carriers: Carriers = .all) -> [String] {
    var values: [String] = []
    withLabelValues(name, of: carriers) { count, value in
      values = (0..<count).map { String(decoding: value($0), as: UTF8.self) }
    }
    return values
  }

  /// Lends the values of label `name`, sorted by bytes: their number, and each by its place. The index is locked
  /// meanwhile: write them out and return. Without values `body` is not called.
  public func withLabelValues(
    _ name: String, of carriers: Carriers = .all, _ body: (Int, (Int) -> UnsafeRawBufferPointer) -> Void
  ) {
    var name = name
    indexLock.read {
      guard let id = name.withUTF8({ index.name(UnsafeRawBufferPointer($0)) }) else { return }
      var pairs = index.pairs(of: id)
      if let isCarried = filter(of: carriers) { pairs.removeAll { !isCarried($0) } }
      let view = index.view
      let texts = pairs.map { view.valueBytes($0) }
      guard let first = texts.first else { return }
      // How many bytes all begin with.
      var common = first.count
      for text in texts {
        if let a = text.baseAddress, let b = first.baseAddress, text.count >= common, memcmp(a, b, common) == 0 {
          continue
        }
        common = zip(text, first).prefix(common).prefix { $0 == $1 }.count
      }
      let words = TextWords(skipped: common)
      texts.withUnsafeBufferPointer { texts in
        let order = WordSort.order(count: texts.count) { words.word(texts[$0], $1) }
        body(order.count) { place in
          // In order the texts lie anywhere in memory, and a caller goes from one to the next.
          if place + 12 < order.count, case let text = texts[Int(order[place + 12])], let start = text.baseAddress {
            prefetch(start)
            prefetch(start + text.count - 1)
          }
          return texts[Int(order[place])]
        }
      }
    }
  }

  /// Says of a pair whether one of the series carries it; `nil` when all pairs are carried. Called, and to be used, with
  /// the index lock held.
  private func filter(of carriers: Carriers) -> ((UInt32) -> Bool)? {
    switch carriers {
    case .all: return nil
    case .within(let from, let through):
      let numbers = layout.slabNumbers(from, through)
      if isAll(within: numbers) { return nil }
      return { pair in
        self.index.postings(pair).contains { ref in
          let stripe = self.stripes[StripeMap.stripe(ref)]
          return stripe.lock.withLock { stripe.overlaps(ref, numbers, stripe.slabs(numbers)) }
        }
      }
    case .these(let series):
      var carried = BitSet(count: index.pairs.count)
      forEachPair(of: series) { carried.insert(Int($0)) }
      return { carried.contains(Int($0)) }
    }
  }

  /// Called with the index lock held.
  private func forEachPair(of series: [SeriesToken], _ body: (UInt32) -> Void) {
    for token in series where recordsBase[Int(token.ref)].generation == token.generation {
      for pair in index.pairIDs(recordsBase[Int(token.ref)].labels) { body(pair) }
    }
  }

  /// The largest of something by label: what the status pages rank.
  public struct Rank: Sendable {
    public var name: String
    public var count: Int
  }

  /// Series per metric name, values per label name and series per label pair, the largest first, at most `limit` each.
  public func cardinality(limit: Int) -> (metrics: [Rank], names: [Rank], pairs: [Rank], nameBytes: [Rank]) {
    indexLock.read {
      func top(_ ranks: [Rank]) -> [Rank] {
        Array(ranks.sorted { ($1.count, $0.name) < ($0.count, $1.name) }.prefix(limit))
      }
      func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
      var pairRanks: [(count: Int, id: UInt32)] = []
      var bytesByName: [Rank] = []
      for name in index.namesInUse {
        var bytes = 0
        for pair in index.pairs(of: name) {
          bytes += Int(index.pairs[Int(pair)].valueLength)
          pairRanks.append((index.postings(pair).count, pair))
        }
        bytesByName.append(Rank(name: text(index.nameBytes(name)), count: bytes))
      }
      pairRanks.sort { $0.count > $1.count }
      let metricName = Array(Label.metricName.utf8).withUnsafeBytes { index.name($0) }
      let metrics = pairRanks.filter { index.pairs[Int($0.id)].name == metricName }.prefix(limit).map {
        Rank(name: String(decoding: index.valueBytes($0.id), as: UTF8.self), count: $0.count)
      }
      let pairs = pairRanks.prefix(limit).map { entry in
        Rank(
          name: text(index.nameBytes(index.pairs[Int(entry.id)].name)) + "="
            + String(decoding: index.valueBytes(entry.id), as: UTF8.self), count: entry.count)
      }
      let names = index.namesInUse.map { Rank(name: text(index.nameBytes($0)), count: index.pairs(of: $0).count) }
      return (metrics, top(names), pairs, top(bytesByName))
    }
  }

  // MARK: Samples

  /// Appends the samples of a series in [`from`, `through`] (milliseconds) to `columns`, oldest first.
  /// - Returns: false when the series is gone.
  @discardableResult
  public func read(_ token: SeriesToken, from: Int64, through: Int64, into columns: inout SampleColumns) -> Bool {
    let numbers = layout.slabNumbers(from, through)
    let stripe = stripes[StripeMap.stripe(token.ref)]
    stripe.lock.lock()
    defer { stripe.lock.unlock() }
    guard recordsBase[Int(token.ref)].generation == token.generation else { return false }
    stripe.read(token.ref, stripe.slabs(numbers), from: from, through: through, into: &columns)
    return true
  }

  /// Reads one series after the other, at least one, until `columns` holds `samplesMax` samples: for each, appends its
  /// samples in [`from`, `through`] (milliseconds), oldest first, and then its end in `columns` to `ends`. A series
  /// that is gone has none.
  public func read(
    _ tokens: ArraySlice<SeriesToken>, from: Int64, through: Int64, samplesMax: Int,
    into columns: inout SampleColumns, ends: inout [Int]
  ) {
    let numbers = layout.slabNumbers(from, through)
    var i = tokens.startIndex
    while i < tokens.endIndex {
      let number = StripeMap.stripe(tokens[i].ref)
      let stripe = stripes[number]
      stripe.lock.lock()
      defer { stripe.lock.unlock() }
      let slabs = stripe.slabs(numbers)
      repeat {
        let token = tokens[i]
        if recordsBase[Int(token.ref)].generation == token.generation {
          stripe.read(token.ref, slabs, from: from, through: through, into: &columns)
        }
        ends.append(columns.count)
        if columns.count >= samplesMax { return }
        i += 1
      } while i < tokens.endIndex && StripeMap.stripe(tokens[i].ref) == number
    }
  }

  /// The times of the oldest and newest samples held, in milliseconds; `nil` when there are none. Looks at every series.
  public func timeRange() -> (oldest: Int64, newest: Int64)? {
    let seriesCount = indexLock.read { records.count }
    let ranges = stripes.compactMap { stripe in
      stripe.lock.withLock { stripe.timeRange(seriesCount: seriesCount) }
    }
    guard let oldest = ranges.map(\.oldest).min(), let newest = ranges.map(\.newest).max() else { return nil }
    return (oldest, newest)
  }

  /// The newest sample of each series, `nil` for those that have none.
  public func newest(_ tokens: [SeriesToken]) -> [Sample?] {
    withEach(tokens, default: nil) { stripe, token in stripe.newest(token.ref) }
  }

  /// Asks each series' stripe, with its lock held, going over the stripes once.
  private func withEach<R>(_ tokens: [SeriesToken], default absent: R, _ body: (Stripe, SeriesToken) -> R) -> [R] {
    var results = [R](repeating: absent, count: tokens.count)
    var order = [[Int]](repeating: [], count: StripeMap.count)
    for (i, token) in tokens.enumerated() { order[StripeMap.stripe(token.ref)].append(i) }
    for (stripe, positions) in zip(stripes, order) where !positions.isEmpty {
      stripe.lock.withLock {
        for i in positions where recordsBase[Int(tokens[i].ref)].generation == tokens[i].generation {
          results[i] = body(stripe, tokens[i])
        }
      }
    }
    return results
  }
}
