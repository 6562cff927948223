public import TimeSeries

/// What a query reads from: series, and their labels as they were when it began.
extension SampleBuffer {
  /// The series that pass all matchers and may have samples in [`from`, `through`] (milliseconds, at the grain of
  /// slabs), in no order, and their labels.
  public func select(
    _ matchers: [Matcher], from: Int64, through: Int64
  ) -> (tokens: [SeriesToken], labels: SeriesLabels) {
    let candidates = select(matchers)
    let numbers = layout.slabNumbers(from, through)
    // In slices, so that new series need not wait for all of a large selection; should series leave the buffer in
    // between, which is rare, all at once.
    return copy(candidates, numbers, slice: 1024) ?? copy(candidates, numbers, slice: .max)
      ?? ([], SeriesLabels([]))
  }

  /// - Returns: `nil` when series were removed between two slices: a pair's number may then stand for another pair.
  private func copy(
    _ candidates: [SeriesToken], _ numbers: ClosedRange<Int32>, slice: Int
  ) -> (tokens: [SeriesToken], labels: SeriesLabels)? {
    var tokens: [SeriesToken] = []
    var copy = LabelCopy(labelsMax: settings.labelsMax)
    var removalsBefore: Int?
    var start = 0
    while start < candidates.count {
      let end = start + min(slice, candidates.count - start)
      let isIntact = indexLock.read {
        if let removalsBefore, removalsBefore != removals { return false }
        removalsBefore = removals
        if start == 0 {
          tokens.reserveCapacity(candidates.count)
          copy.reserve(candidates.count, labelsEach: 16)
        }
        withStripes(of: candidates[start..<end]) { stripe, run in
          let slabs = stripe.slabs(numbers)
          for token in run {
            let record = recordsBase + Int(token.ref)
            guard record.pointee.generation == token.generation, stripe.overlaps(token.ref, numbers, slabs) else {
              continue
            }
            tokens.append(token)
            copy.append(index.pairIDs(record.pointee.labels), index)
          }
        }
        return true
      }
      guard isIntact else { return nil }
      start = end
    }
    return (tokens, copy.finish())
  }
}

/// Copies label lists out of the index, giving each pair a number of its own.
///
/// Neighbours share most of their labels, so a pair is compared with the one at the same place in the list before, and
/// only looked up when it is another.
private struct LabelCopy: ~Copyable {
  private var builder = SeriesLabelsBuilder()
  /// By `NameID`: the number of the name plus one.
  private var names: [UInt32] = []
  /// Pair in the high half, its number plus one in the low half, 0 for free; a power of two, at most half full.
  private var slots: [UInt64] = Array(repeating: 0, count: 64)
  private var used = 0
  /// The list before, and its numbers.
  private let pairs: UnsafeMutablePointer<UInt32>
  private let numbers: UnsafeMutablePointer<UInt32>
  private let labelsMax: Int

  init(labelsMax: Int) {
    self.labelsMax = labelsMax
    pairs = .allocate(capacity: labelsMax)
    numbers = .allocate(capacity: labelsMax)
    pairs.initialize(repeating: .max, count: labelsMax)
    numbers.initialize(repeating: 0, count: labelsMax)
  }

  deinit {
    pairs.deallocate()
    numbers.deallocate()
  }

  mutating func reserve(_ series: Int, labelsEach: Int) { builder.reserve(series: series, labelsEach: labelsEach) }

  mutating func append(_ list: UnsafeBufferPointer<SeriesIndex.PairID>, _ index: borrowing SeriesIndex) {
    precondition(list.count <= labelsMax, "\(list.count) labels where \(labelsMax) are the limit")
    for i in 0..<list.count where list[i] != pairs[i] {
      pairs[i] = list[i]
      numbers[i] = number(list[i], index)
    }
    builder.beginSeries()
    builder.append(UnsafeBufferPointer(start: numbers, count: list.count))
  }

  private static func slot(_ pair: UInt32, _ mask: Int) -> Int {
    Int(truncatingIfNeeded: UInt64(pair) &* 0x9E37_79B9_7F4A_7C15 >> 32) & mask
  }

  private mutating func number(_ pair: UInt32, _ index: borrowing SeriesIndex) -> UInt32 {
    let mask = slots.count - 1
    var slot = Self.slot(pair, mask)
    while slots[slot] != 0 {
      if UInt32(truncatingIfNeeded: slots[slot] >> 32) == pair { return UInt32(truncatingIfNeeded: slots[slot]) - 1 }
      slot = (slot + 1) & mask
    }
    let number = builder.add(name: name(index.pairs[Int(pair)].name, index), value: index.valueBytes(pair))
    slots[slot] = UInt64(pair) << 32 | UInt64(number + 1)
    used += 1
    if used * 2 > slots.count { grow() }
    return number
  }

  private mutating func name(_ id: SeriesIndex.NameID, _ index: borrowing SeriesIndex) -> UInt32 {
    if names.count <= Int(id) { names += Array(repeating: 0, count: index.nameCount - names.count) }
    if names[Int(id)] == 0 { names[Int(id)] = builder.add(name: index.nameBytes(id)) + 1 }
    return names[Int(id)] - 1
  }

  private mutating func grow() {
    let old = slots
    slots = Array(repeating: 0, count: old.count * 2)
    for entry in old where entry != 0 {
      var slot = Self.slot(UInt32(truncatingIfNeeded: entry >> 32), slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = entry
    }
  }

  borrowing func finish() -> SeriesLabels { builder.finish() }
}
