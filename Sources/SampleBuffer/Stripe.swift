internal import TimeSeries

/// A share of the series, with a lock of its own: their open chunks, and their finished ones slab by slab.
///
/// `@unchecked Sendable`: everything mutable is touched with `lock` held, by whoever calls.
final class Stripe: @unchecked Sendable {
  let lock = Lock()
  let records: UnsafeMutablePointer<SeriesRecord>
  private let cells = UnsafeMutablePointer<CellPool>.allocate(capacity: 1)
  let layout: Layout
  /// Which of the stripes this is.
  let index: Int
  /// Oldest first.
  private(set) var slabs: [Slab] = []
  /// Samples in open chunks.
  private(set) var openSamples = 0
  private(set) var openChunks = 0
  // A chunk that is to be written anew, taken apart. Kept between calls.
  var timestamps: [Int64] = []
  var values: [UInt64] = []
  /// What the two become when samples are put in, and the positions of these in their batch. Kept, too.
  var merged: (timestamps: [Int64], values: [UInt64], positions: [UInt16]) = ([], [], [])
  /// Words of an open chunk while it is being read.
  private var openWords = UnsafeMutablePointer<UInt32>.allocate(capacity: 64)
  private var openWordsMax = 64

  struct Layout {
    /// Milliseconds.
    let slabDuration: Int64
    let seriesMax: Int
    let bytesMax: Int
    let meter: MemoryMeter

    @inline(__always) func slabNumber(_ timestamp: Int64) -> Int32 {
      let quotient = timestamp / slabDuration
      return Int32(clamping: timestamp % slabDuration < 0 ? quotient - 1 : quotient)
    }
    /// The numbers of the slabs that [`from`, `through`] touches; the last one's alone when that is no span at all.
    func slabNumbers(_ from: Int64, _ through: Int64) -> ClosedRange<Int32> {
      let last = slabNumber(through)
      return min(slabNumber(from), last)...last
    }
    @inline(__always) func slabStart(_ number: Int32) -> Int64 { Int64(number) * slabDuration }
    /// Times before this have no slab of their own.
    var oldestTimestamp: Int64 { slabStart(Int32.min + 1) }
  }

  enum Verdict: Int {
    case appended, appendedOutOfOrder, duplicate, conflict, outOfMemory
    /// Nothing was done: the sample belongs into the middle of a chunk, where `insert` puts it.
    case late
  }

  init(index: Int, records: UnsafeMutablePointer<SeriesRecord>, layout: Layout) throws(OutOfAddressSpace) {
    self.index = index
    self.records = records
    self.layout = layout
    cells.initialize(to: try CellPool(bytesMax: layout.bytesMax, meter: layout.meter))
  }

  deinit {
    cells.deinitialize(count: 1)
    cells.deallocate()
    openWords.deallocate()
  }

  // MARK: Appending

  /// Adds one sample to the series. The same timestamp again changes nothing, whatever the value.
  @inline(__always)
  func append(_ ref: UInt32, timestamp: Int64, bits: UInt64) -> Verdict {
    let record = records + Int(ref)
    if record.pointee.encoder.count > 0 && timestamp > record.pointee.encoder.lastTimestamp
      && timestamp &- layout.slabStart(record.pointee.slab) < layout.slabDuration
    {
      var sink = CellSink(pool: cells, record: record)
      openSamples &+= 1
      return record.pointee.encoder.append(timestamp: timestamp, bits: bits, &sink) ? .appended : .outOfMemory
    }
    return appendOffTheBeatenPath(ref, record, timestamp: timestamp, bits: bits)
  }

  private func appendOffTheBeatenPath(
    _ ref: UInt32, _ record: UnsafeMutablePointer<SeriesRecord>, timestamp: Int64, bits: UInt64
  ) -> Verdict {
    let number = layout.slabNumber(timestamp)
    if record.pointee.hasOpenChunk {
      let last = record.pointee.encoder.lastTimestamp
      if timestamp > last {
        guard close(ref) else { return .outOfMemory }
      } else if timestamp == last {
        return record.pointee.encoder.lastBits == bits ? .duplicate : .conflict
      } else {
        return .late
      }
    } else if record.pointee.slabCount > 0,
      slabs.contains(where: { $0.number >= number && $0.hasChunk(StripeMap.local(ref)) })
    {
      return .late
    }
    return open(ref, slab: number, timestamp: timestamp, bits: bits) ? .appended : .outOfMemory
  }

  /// Begins a chunk in slab `number`, which must be newer than any the series has.
  private func open(_ ref: UInt32, slab number: Int32, timestamp: Int64, bits: UInt64) -> Bool {
    guard slab(number, create: true) != nil else { return false }
    let record = records + Int(ref)
    record.pointee.slab = number
    record.pointee.slabCount &+= 1
    record.pointee.firstCell = 0
    record.pointee.lastCell = 0
    record.pointee.wordsInLastCell = 0
    openSamples += 1
    openChunks += 1
    var sink = CellSink(pool: cells, record: record)
    return record.pointee.encoder.start(
      timestamp: timestamp, bits: bits, slabStart: layout.slabStart(number), scaleHint: record.pointee.scaleHint, &sink)
  }

  /// Moves the open chunk to its slab.
  private func close(_ ref: UInt32) -> Bool {
    let record = records + Int(ref)
    let count = Int(record.pointee.encoder.count)
    let wordCount = openWordCount(record.pointee)
    guard let slab = slab(record.pointee.slab, create: true),
      let words = slab.makeChunk(StripeMap.local(ref), wordCount: wordCount, sampleCount: count)
    else { return false }
    copyOpenWords(record.pointee, to: words)
    record.pointee.scaleHint = record.pointee.encoder.mode
    discardOpenChunk(record)
    return true
  }

  func discardOpenChunk(_ record: UnsafeMutablePointer<SeriesRecord>) {
    openSamples -= Int(record.pointee.encoder.count)
    openChunks -= 1
    cells.pointee.free(first: record.pointee.firstCell, last: record.pointee.lastCell)
    record.pointee.firstCell = 0
    record.pointee.lastCell = 0
    record.pointee.wordsInLastCell = 0
    record.pointee.encoder.count = 0
  }

  /// Moves the open chunks to memory of their own when hardly a cell is in use: after a flood of series that are gone.
  /// Right after a slab's end most are free, too, but will soon be needed: hence so few.
  /// - Parameter seriesCount: how many records there are.
  func compactCells(seriesCount: Int) {
    guard cells.pointee.count * MemoryLayout<CellPool.Cell>.stride > 64 << 10 else { return }
    var open: [UInt32] = []
    var used = 0
    forEachRef(below: seriesCount) { ref in
      guard records[Int(ref)].hasOpenChunk else { return }
      open.append(ref)
      forEachCell(of: records[Int(ref)]) { _ in used += 1 }
    }
    guard used < cells.pointee.count / 8, var pool = try? CellPool(bytesMax: layout.bytesMax, meter: layout.meter)
    else { return }
    var chains: [(first: UInt32, last: UInt32)] = []
    for ref in open {
      var chain: (first: UInt32, last: UInt32) = (0, 0)
      var isWhole = true
      forEachCell(of: records[Int(ref)]) { old in
        let new = pool.allocate()
        guard new != 0 else {
          isWhole = false
          return
        }
        pool.words(new).update(from: cells.pointee.words(old), count: CellPool.wordsPerCell)
        if chain.first == 0 { chain.first = new } else { pool.link(chain.last, to: new) }
        chain.last = new
      }
      guard isWhole else { return }
      chains.append(chain)
    }
    for (ref, chain) in zip(open, chains) {
      records[Int(ref)].firstCell = chain.first
      records[Int(ref)].lastCell = chain.last
    }
    cells.pointee = pool
  }

  private func forEachCell(of record: SeriesRecord, _ body: (UInt32) -> Void) {
    var cell = record.firstCell
    while cell != 0 {
      body(cell)
      cell = cell == record.lastCell ? 0 : cells.pointee.next(cell)
    }
  }

  /// The numbers of its series below `count`.
  func forEachRef(below count: Int, _ body: (UInt32) -> Void) {
    var first = index << 6
    while first < count {
      for ref in first..<min(first + 64, count) { body(UInt32(ref)) }
      first += 64 * StripeMap.count
    }
  }

  private func openWordCount(_ record: SeriesRecord) -> Int {
    var count = record.encoder.pendingBits > 0 ? 1 : 0
    var cell = record.firstCell
    while cell != 0 {
      count += cell == record.lastCell ? Int(record.wordsInLastCell) : CellPool.wordsPerCell
      cell = cell == record.lastCell ? 0 : cells.pointee.next(cell)
    }
    return count
  }

  private func copyOpenWords(_ record: SeriesRecord, to target: UnsafeMutablePointer<UInt32>) {
    var position = target
    var cell = record.firstCell
    while cell != 0 {
      let count = cell == record.lastCell ? Int(record.wordsInLastCell) : CellPool.wordsPerCell
      position.update(from: cells.pointee.words(cell), count: count)
      position += count
      cell = cell == record.lastCell ? 0 : cells.pointee.next(cell)
    }
    if record.encoder.pendingBits > 0 {
      position.pointee = record.encoder.pending << UInt32(32 - record.encoder.pendingBits)
    }
  }

  // MARK: Out of order

  /// Puts a sample into the middle of a chunk, which is taken apart and written anew.
  func insert(_ ref: UInt32, slab number: Int32, timestamp: Int64, bits: UInt64) -> Verdict {
    let record = records + Int(ref)
    let isOpen = record.pointee.hasOpenChunk && record.pointee.slab == number
    let local = StripeMap.local(ref)
    guard let slab = slab(number, create: true) else { return .outOfMemory }
    if !isOpen && !slab.hasChunk(local) {
      timestamps.removeAll(keepingCapacity: true)
      values.removeAll(keepingCapacity: true)
      timestamps.append(timestamp)
      values.append(bits)
      guard write(to: slab, local) else { return .outOfMemory }
      record.pointee.slabCount &+= 1
      return .appendedOutOfOrder
    }

    // Most samples that come here have been here before (a replay), so look before taking the chunk apart.
    let held = isOpen ? heldInOpenChunk(ref, timestamp) : heldInChunk(slab, local, timestamp)
    if let held { return held == bits ? .duplicate : .conflict }

    takeApart(ref, slab) { _ in false }
    let place = timestamps.firstIndex { $0 > timestamp } ?? timestamps.count
    timestamps.insert(timestamp, at: place)
    values.insert(bits, at: place)
    return (isOpen ? rewriteOpenChunk(ref) : write(to: slab, local)) ? .appendedOutOfOrder : .outOfMemory
  }

  /// Decodes the series' chunk in a slab into `timestamps` and `values`, which hold nothing else then.
  /// - Parameter isUnwanted: samples of these times are left out.
  /// - Returns: how many were left out.
  @discardableResult
  func takeApart(_ ref: UInt32, _ slab: Slab, leavingOut isUnwanted: (Int64) -> Bool) -> Int {
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    return withChunk(ref, slab) { decoder, count in
      for i in 0..<count {
        if i > 0 { decoder.next() }
        if isUnwanted(decoder.timestamp) { continue }
        timestamps.append(decoder.timestamp)
        values.append(decoder.bits)
      }
      return count - timestamps.count
    } ?? 0
  }

  /// The value that an open chunk holds at `timestamp`.
  private func heldInOpenChunk(_ ref: UInt32, _ timestamp: Int64) -> UInt64? {
    withOpenChunk(ref) { decoder, count in Self.find(timestamp, &decoder, count) }
  }

  private func heldInChunk(_ slab: Slab, _ local: Int, _ timestamp: Int64) -> UInt64? {
    guard let chunk = slab.chunk(local) else { return nil }
    var decoder = ChunkDecoder(chunk.words, wordCount: chunk.wordCount, slabStart: layout.slabStart(slab.number))
    return Self.find(timestamp, &decoder, chunk.sampleCount)
  }

  private static func find(_ timestamp: Int64, _ decoder: inout ChunkDecoder, _ count: Int) -> UInt64? {
    var rest = count
    while decoder.timestamp < timestamp && rest > 1 {
      decoder.next()
      rest -= 1
    }
    return decoder.timestamp == timestamp ? decoder.bits : nil
  }

  /// Puts what `timestamps` and `values` hold, at least one sample, in the place of the open chunk.
  /// - Returns: false when memory is at its end; then nothing has changed.
  func rewriteOpenChunk(_ ref: UInt32) -> Bool {
    let record = records + Int(ref)
    var rewritten = record.pointee
    rewritten.firstCell = 0
    rewritten.lastCell = 0
    rewritten.wordsInLastCell = 0
    let isWritten = withUnsafeMutablePointer(to: &rewritten) { new in
      var sink = CellSink(pool: cells, record: new)
      var isWritten = new.pointee.encoder.start(
        timestamp: timestamps[0], bits: values[0], slabStart: layout.slabStart(record.pointee.slab),
        scaleHint: record.pointee.encoder.mode, &sink)
      for i in 1..<timestamps.count where isWritten {
        isWritten = new.pointee.encoder.append(timestamp: timestamps[i], bits: values[i], &sink)
      }
      return isWritten
    }
    guard isWritten else {
      cells.pointee.free(first: rewritten.firstCell, last: rewritten.lastCell)
      return false
    }
    discardOpenChunk(record)
    record.pointee = rewritten
    openSamples += Int(rewritten.encoder.count)
    openChunks += 1
    return true
  }

  /// Puts what `timestamps` and `values` hold, at least one sample, into a slab as the series' finished chunk there.
  /// - Returns: false when memory is at its end; then nothing has changed.
  func write(to slab: Slab, _ local: Int) -> Bool {
    var sink = ScratchSink()
    var encoder = EncoderState()
    _ = encoder.start(
      timestamp: timestamps[0], bits: values[0], slabStart: layout.slabStart(slab.number), scaleHint: 0, &sink)
    for i in 1..<timestamps.count { _ = encoder.append(timestamp: timestamps[i], bits: values[i], &sink) }
    if encoder.pendingBits > 0 { _ = sink.append(word: encoder.pending << UInt32(32 - encoder.pendingBits)) }
    guard let words = slab.makeChunk(local, wordCount: sink.words.count, sampleCount: timestamps.count) else {
      return false
    }
    sink.words.withUnsafeBufferPointer { source in
      if let start = source.baseAddress { words.update(from: start, count: source.count) }
    }
    slab.compactIfWasteful()
    return true
  }

  // MARK: Reading

  /// Lends the open chunk's samples.
  private func withOpenChunk<R>(_ ref: UInt32, _ body: (inout ChunkDecoder, Int) -> R) -> R {
    var decoder = openChunk(records + Int(ref))
    return body(&decoder, Int(records[Int(ref)].encoder.count))
  }

  /// Reads the open chunk. One at a time: the words are copied to where the next call copies its own.
  private func openChunk(_ record: UnsafeMutablePointer<SeriesRecord>) -> ChunkDecoder {
    var words = openWords
    var count = 0
    let last = record.pointee.lastCell
    var cell = record.pointee.firstCell
    while cell != 0 {
      if count &+ CellPool.wordsPerCell >= openWordsMax { words = growOpenWords(keeping: count) }
      let used = cell == last ? Int(record.pointee.wordsInLastCell) : CellPool.wordsPerCell
      (words + count).update(from: cells.pointee.words(cell), count: used)
      count &+= used
      cell = cell == last ? 0 : cells.pointee.next(cell)
    }
    if record.pointee.encoder.pendingBits > 0 {
      words[count] = record.pointee.encoder.pending << UInt32(32 &- record.pointee.encoder.pendingBits)
      count &+= 1
    }
    return ChunkDecoder(words, wordCount: count, slabStart: layout.slabStart(record.pointee.slab))
  }

  private func growOpenWords(keeping count: Int) -> UnsafeMutablePointer<UInt32> {
    openWordsMax *= 2
    let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: openWordsMax)
    larger.update(from: openWords, count: count)
    openWords.deallocate()
    openWords = larger
    return larger
  }

  /// The positions of the slabs with these numbers.
  func slabs(_ numbers: ClosedRange<Int32>) -> Range<Int> {
    var start = 0
    while start < slabs.count, slabs[start].number < numbers.lowerBound { start += 1 }
    var end = start
    while end < slabs.count, slabs[end].number <= numbers.upperBound { end += 1 }
    return start..<end
  }

  /// Whether no slab has another number; an open chunk's slab is among them.
  func isAll(within numbers: ClosedRange<Int32>) -> Bool {
    guard let first = slabs.first, let last = slabs.last else { return true }
    return numbers.contains(first.number) && numbers.contains(last.number)
  }

  /// Lends the samples that the series has in a slab; `nil` when it has none there.
  private func withChunk<R>(_ ref: UInt32, _ slab: Slab, _ body: (inout ChunkDecoder, Int) -> R) -> R? {
    if records[Int(ref)].hasOpenChunk && records[Int(ref)].slab == slab.number { return withOpenChunk(ref, body) }
    guard let chunk = slab.chunk(StripeMap.local(ref)) else { return nil }
    var decoder = ChunkDecoder(chunk.words, wordCount: chunk.wordCount, slabStart: layout.slabStart(slab.number))
    return body(&decoder, chunk.sampleCount)
  }

  /// The newest sample of a series. It is at hand while the series has an open chunk, which it lacks only after that
  /// was deleted.
  func newest(_ ref: UInt32) -> Sample? {
    let record = records[Int(ref)]
    if record.hasOpenChunk {
      return Sample(timestamp: record.encoder.lastTimestamp, value: Double(bitPattern: record.encoder.lastBits))
    }
    guard record.slabCount > 0 else { return nil }
    for slab in slabs.reversed() {
      let last = withChunk(ref, slab) { decoder, count in
        for _ in 1..<count { decoder.next() }
        return Sample(timestamp: decoder.timestamp, value: Double(bitPattern: decoder.bits))
      }
      if let last { return last }
    }
    return nil
  }

  /// Appends the series' samples in [`from`, `through`] to `columns`, oldest first.
  /// - Parameter range: positions of the slabs of that time.
  func read(_ ref: UInt32, _ range: Range<Int>, from: Int64, through: Int64, into columns: inout SampleColumns) {
    let record = records + Int(ref)
    let local = StripeMap.local(ref)
    for i in range {
      let slab = slabs[i]
      if record.pointee.hasOpenChunk && record.pointee.slab == slab.number {
        var decoder = openChunk(record)
        Self.copy(&decoder, count: Int(record.pointee.encoder.count), from, through, &columns)
      } else if let chunk = slab.chunk(local) {
        var decoder = ChunkDecoder(chunk.words, wordCount: chunk.wordCount, slabStart: layout.slabStart(slab.number))
        Self.copy(&decoder, count: chunk.sampleCount, from, through, &columns)
      }
    }
  }

  private static func copy(
    _ decoder: inout ChunkDecoder, count: Int, _ from: Int64, _ through: Int64, _ columns: inout SampleColumns
  ) {
    columns.append(most: count) { times, values in
      var found = 0
      var rest = count
      while decoder.timestamp <= through {
        if decoder.timestamp >= from {
          times[found] = decoder.timestamp
          values[found] = Double(bitPattern: decoder.bits)
          found &+= 1
        }
        rest &-= 1
        if rest == 0 { break }
        decoder.next()
      }
      return found
    }
  }

  /// Whether the series has a chunk in one of the slabs.
  /// - Parameter range: positions of the slabs with `numbers`.
  @inline(__always)
  func overlaps(_ ref: UInt32, _ numbers: ClosedRange<Int32>, _ range: Range<Int>) -> Bool {
    let record = records + Int(ref)
    if record.pointee.hasOpenChunk && numbers.contains(record.pointee.slab) { return true }
    let local = StripeMap.local(ref)
    for i in range where slabs[i].hasChunk(local) { return true }
    return false
  }

  /// The times of the oldest and the newest sample; `nil` when there are none.
  /// - Parameter seriesCount: series slots in use over all stripes.
  func timeRange(seriesCount: Int) -> (oldest: Int64, newest: Int64)? {
    var newest = Int64.min
    var number = slabs.first { $0.chunks > 0 }?.number ?? Int32.max
    forEachRef(seriesCount) { ref in
      if records[Int(ref)].hasOpenChunk { number = min(number, records[Int(ref)].slab) }
      if let last = self.newest(ref) { newest = max(newest, last.timestamp) }
    }
    guard newest != Int64.min, let slab = slabs.first(where: { $0.number == number }) else { return nil }
    var oldest = Int64.max
    forEachRef(seriesCount) { ref in
      if let first = withChunk(ref, slab, { decoder, _ in decoder.timestamp }) { oldest = min(oldest, first) }
    }
    return (oldest, newest)
  }

  // MARK: Slabs

  /// Whether a sample of this time belongs to a slab newer than all there are.
  func opensNewSlab(_ timestamp: Int64) -> Bool {
    slabs.last.map { $0.number < layout.slabNumber(timestamp) } ?? true
  }

  func slab(_ number: Int32, create: Bool) -> Slab? {
    if let newest = slabs.last, newest.number == number { return newest }
    var low = 0
    var high = slabs.count
    while low < high {
      let middle = (low + high) / 2
      if slabs[middle].number < number { low = middle + 1 } else { high = middle }
    }
    if low < slabs.count && slabs[low].number == number { return slabs[low] }
    guard create,
      let made = try? Slab(
        number: number, seriesMax: layout.seriesMax, bytesMax: layout.bytesMax, meter: layout.meter)
    else { return nil }
    slabs.insert(made, at: low)
    return made
  }

  /// Drops every slab whose number is below `number`, with the samples of all series in it.
  /// - Parameter seriesCount: series slots in use over all stripes.
  /// - Returns: how many samples went.
  func dropSlabs(below number: Int32, seriesCount: Int) -> Int {
    guard let oldest = slabs.first, oldest.number < number else { return 0 }
    let dropped = slabs.prefix { $0.number < number }
    var samples = 0
    for slab in dropped {
      samples += slab.samples
      for local in 0..<slab.directoryCount where slab.hasChunk(local) {
        records[refOf(local)].slabCount &-= 1
      }
    }
    forEachRef(seriesCount) { ref in
      let record = records + Int(ref)
      if record.pointee.hasOpenChunk && record.pointee.slab < number {
        samples += Int(record.pointee.encoder.count)
        discardOpenChunk(record)
        record.pointee.slabCount &-= 1
      }
    }
    slabs.removeFirst(dropped.count)
    return samples
  }

  private func refOf(_ local: Int) -> Int { Int(StripeMap.ref(stripe: index, local: local)) }

  /// The stripe's own of the first `seriesCount` series slots.
  private func forEachRef(_ seriesCount: Int, _ body: (UInt32) -> Void) {
    var local = 0
    while refOf(local) < seriesCount {
      body(UInt32(refOf(local)))
      local += 1
    }
  }
}
