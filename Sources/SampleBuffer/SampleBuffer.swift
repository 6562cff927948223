internal import Synchronization
public import TimeSeries

/// The ring: the recent window of every series, in memory, cut into slabs of equal duration. Time moves on by dropping
/// the oldest slab whole; so does the memory budget when it is reached.
///
/// Any number of threads append (each through a `Writer` of its own) and read.
///
/// Lock order: `maintenance`, then the index lock, then one stripe's lock. No call out of this module is made under any
/// of them, but for the closures of the reading functions, which must not come back to the buffer.
///
/// `@unchecked Sendable`: `index`, `freeRefs` and `records.count` are guarded by `indexLock`; the records' contents as
/// `SeriesRecord` says; the rest is immutable or atomic.
public final class SampleBuffer: @unchecked Sendable {
  public let settings: BufferSettings
  let clock: @Sendable () -> Int64
  let meter = MemoryMeter()
  let indexLock = ReadWriteLock()
  var index: SeriesIndex
  var records: VirtualArray<SeriesRecord>
  let recordsBase: UnsafeMutablePointer<SeriesRecord>
  private var freeRefs: [UInt32] = []
  let stripes: [Stripe]
  let layout: Stripe.Layout
  private let maintenance = Lock()
  private var pairScratch: [UInt32] = []

  /// Samples in slabs below this number are refused: their time is over, or the budget has taken their slab.
  private let oldestSlabByTime = Atomic<Int>(Int.min)
  let oldestSlabByBudget = Atomic<Int>(Int.min)
  let counts = AtomicCounts()
  private let refusalCounts: [Counter]
  /// Since the last `makeRoomIfStuck`; and how many samples had been appended then.
  private let refusedForBudget = Atomic(false)
  /// Whether the budget is nearly reached by a single slab; as of the last `maintain`.
  private let lastSlabOnly = Atomic(false)
  private let appendedBefore = Atomic<Int>(0)
  let liveSeries = Atomic<Int>(0)
  private let created = Atomic<Int>(0)
  private let removed = Atomic<Int>(0)

  /// - Parameter clock: milliseconds since the Unix epoch.
  public init(_ settings: BufferSettings, clock: @escaping @Sendable () -> Int64) throws(OutOfAddressSpace) {
    self.settings = settings
    self.clock = clock
    refusalCounts = SeriesRefusal.allCases.map { _ in Counter() }
    // The reserved ranges are twice the budget, so that it is the budget that is met first, not their end.
    let reserve = max(settings.bytesMax, 1 << 20) * 2
    let seriesMax = min(max(settings.seriesMax, 64) + 1024, Int(UInt32.max) - 1)
    index = try SeriesIndex(seriesMax: seriesMax, bytesMax: reserve, meter: meter)
    records = try VirtualArray(capacity: seriesMax, meter: meter)
    recordsBase = records.base
    layout = Stripe.Layout(
      slabDuration: settings.effectiveSlabDuration, seriesMax: seriesMax / StripeMap.count + 128, bytesMax: reserve,
      meter: meter)
    var stripes: [Stripe] = []
    for i in 0..<StripeMap.count { stripes.append(try Stripe(index: i, records: records.base, layout: layout)) }
    self.stripes = stripes
  }

  /// Bytes held by everything in the buffer, decoders' caches included.
  public var bytes: Int { meter.bytes }

  /// Decoders and others that keep memory on the buffer's behalf report it here, so that one budget covers it.
  public func account(bytes delta: Int) { meter.add(delta) }

  // MARK: Registration

  /// The series with these labels, entered if it is new.
  /// - Parameter labels: sorted by name, no repeats, no empty values.
  /// - Throws: when a new series would break a limit. Series that are known are never refused.
  public func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    do {
      return try indexLock.write { () throws(SeriesRefusal) in try register(labels) }
    } catch {
      refusalCounts[SeriesRefusal.allCases.firstIndex(of: error) ?? 0].value.add(1, ordering: .relaxed)
      if error == .overMemoryBudget { refusedForBudget.store(true, ordering: .relaxed) }
      throw error
    }
  }

  private func register(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    guard labels.count <= settings.labelsMax else { throw .tooManyLabels }
    for label in labels {
      guard label.name.count <= settings.labelNameBytesMax else { throw .labelNameTooLong }
      guard label.value.count <= settings.labelValueBytesMax else { throw .labelValueTooLong }
    }
    if let known = index.series(labels, records: recordsBase, ids: &pairScratch) { return token(known) }
    guard liveSeries.load(ordering: .relaxed) < settings.seriesMax else { throw .tooManySeries }
    guard hasRoomForSeries else { throw .overMemoryBudget }
    guard index.internPairs(labels, into: &pairScratch), let ref = takeRef() else {
      index.releaseUnused(pairScratch)
      throw .overMemoryBudget
    }
    guard let list = index.insert(ref, pairScratch) else {
      index.releaseUnused(pairScratch)
      freeRefs.append(ref)
      throw .overMemoryBudget
    }
    stripes[StripeMap.stripe(ref)].lock.withLock {
      let generation = recordsBase[Int(ref)].generation
      recordsBase[Int(ref)] = SeriesRecord()
      recordsBase[Int(ref)].generation = generation &+ 1
      recordsBase[Int(ref)].labels = list
    }
    liveSeries.add(1, ordering: .relaxed)
    created.add(1, ordering: .relaxed)
    return token(ref)
  }

  private func takeRef() -> UInt32? {
    if let free = freeRefs.popLast() { return free }
    return records.append(SeriesRecord()).map { UInt32($0) }
  }

  private func token(_ ref: UInt32) -> SeriesToken {
    SeriesToken(ref: ref, generation: recordsBase[Int(ref)].generation)
  }

  /// Which of the tokens still name a series, for caches that hold on to tokens.
  public func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void) {
    indexLock.read {
      for (i, token) in tokens.enumerated() {
        report(i, Int(token.ref) < records.count && recordsBase[Int(token.ref)].generation == token.generation)
      }
    }
  }

  /// Goes up whenever series have left the buffer.
  public var removals: Int { removed.load(ordering: .relaxed) }

  public var seriesCount: Int { liveSeries.load(ordering: .relaxed) }

  // MARK: Time and budget

  /// Samples at or after this time are taken, in milliseconds; what the clock and the budget leave of the window.
  public var windowStart: Int64 {
    let byTime = settings.retention == 0 ? layout.oldestTimestamp : clock() - settings.retention
    let slab = oldestSlabByBudget.load(ordering: .relaxed)
    return slab == Int.min ? byTime : max(byTime, layout.slabStart(Int32(clamping: slab)))
  }

  /// Drops what is older than the retention or beyond the budget. Appending does this too; call it now and then when
  /// nothing is appended, and after memory has been reported to `account`.
  public func maintain() {
    advance()
    if isOverBudget { shrinkToBudget() }
    lastSlabOnly.store(isNearBudget && slabNumbers.isSingle, ordering: .relaxed)
  }

  /// The oldest and the newest slab that there are.
  private var slabNumbers: (oldest: Int32?, newest: Int32?, isSingle: Bool) {
    let numbers = stripes.flatMap { stripe in stripe.lock.withLock { stripe.slabs.map(\.number) } }
    let (oldest, newest) = (numbers.min(), numbers.max())
    return (oldest, newest, oldest == newest)
  }

  /// Drops the oldest slab if nothing but series that the budget has no room for has come since the last call, and time
  /// has left the newest slab behind. Call it now and then.
  ///
  /// Room is made when a sample opens a slab. Series that are all new cannot: after a flood of series that never come
  /// again they would be refused until the flood is older than the retention.
  public func makeRoomIfStuck() {
    let appended = counts.load().appended
    let isIdle = appendedBefore.exchange(appended, ordering: .relaxed) == appended
    guard refusedForBudget.exchange(false, ordering: .relaxed), isIdle else { return }
    let current = layout.slabNumber(clock())
    maintenance.withLock {
      let slabs = slabNumbers
      guard let oldest = slabs.oldest, let newest = slabs.newest else {
        removeSilentSeries()
        return
      }
      guard newest < current else { return }
      oldestSlabByBudget.store(Int(oldest) + 1, ordering: .relaxed)
      dropSlabs(below: oldest + 1)
    }
  }

  func advance() {
    guard settings.retention > 0 else { return }
    let oldest = Int(layout.slabNumber(clock() - settings.retention))
    guard oldest > oldestSlabByTime.load(ordering: .relaxed) else { return }
    maintenance.withLock {
      guard oldest > oldestSlabByTime.load(ordering: .relaxed) else { return }
      oldestSlabByTime.store(oldest, ordering: .relaxed)
      dropSlabs(below: Int32(clamping: oldest))
    }
  }

  var isOverBudget: Bool { meter.bytes > settings.bytesMax }

  /// Where new series have to stop when there is no older slab that could give way: what is left belongs to the samples
  /// of those that are there, which a flood of new ones must not stop.
  private var isNearBudget: Bool { meter.bytes >= settings.bytesMax / 8 * 7 }

  private var hasRoomForSeries: Bool {
    meter.bytes < settings.bytesMax && !(isNearBudget && lastSlabOnly.load(ordering: .relaxed))
  }

  /// Samples in slabs up to this one find no room: it is the only one that there is, and cannot be dropped. `nil` while
  /// there is room, or an older slab that will make some.
  var lastFullSlab: Int32? {
    guard isOverBudget else { return nil }
    let slabs = slabNumbers
    return slabs.isSingle ? slabs.newest : nil
  }

  /// Drops the oldest slabs until the budget is kept or one slab alone is left.
  func shrinkToBudget() {
    maintenance.withLock {
      while isOverBudget {
        let slabs = slabNumbers
        guard let oldest = slabs.oldest, !slabs.isSingle else { return }
        oldestSlabByBudget.store(Int(oldest) + 1, ordering: .relaxed)
        dropSlabs(below: oldest + 1)
      }
    }
  }

  /// Called with `maintenance` held.
  private func dropSlabs(below number: Int32) {
    let seriesCount = indexLock.read { records.count }
    var dropped = 0
    for stripe in stripes {
      dropped += stripe.lock.withLock { stripe.dropSlabs(below: number, seriesCount: seriesCount) }
    }
    counts.expired.add(dropped, ordering: .relaxed)
    if dropped > 0 { removeSilentSeries() }
  }

  /// Takes series without samples out of the index and frees their slots.
  /// - Returns: how many there were.
  @discardableResult
  func removeSilentSeries() -> Int {
    indexLock.write {
      var dead: [UInt32] = []
      for stripe in stripes {
        stripe.lock.withLock {
          stripe.forEachRef(below: records.count) { ref in
            guard recordsBase[Int(ref)].isLive, recordsBase[Int(ref)].slabCount == 0 else { return }
            recordsBase[Int(ref)].generation &+= 1
            dead.append(ref)
          }
        }
      }
      index.remove(dead, records: recordsBase)
      freeRefs.append(contentsOf: dead)
      liveSeries.add(-dead.count, ordering: .relaxed)
      removed.add(dead.count, ordering: .relaxed)
      if !dead.isEmpty { giveMemoryBack() }
      return dead.count
    }
  }

  /// What series that are gone have left is used again, but by series alone: without this, samples would have the less
  /// room the more series there ever were at one time. Called with the index's write lock held.
  private func giveMemoryBack() {
    for stripe in stripes { stripe.lock.withLock { stripe.compactCells(seriesCount: records.count) } }
    guard index.isSparse else { return }
    let live = (0..<UInt32(records.count)).filter { recordsBase[Int($0)].isLive }
    var lists: [SlotHeap.Handle] = []
    guard let compacted = index.compacted(live, records: recordsBase, lists: &lists) else { return }
    for (ref, list) in zip(live, lists) {
      stripes[StripeMap.stripe(ref)].lock.withLock { recordsBase[Int(ref)].labels = list }
    }
    index = compacted
  }

  // MARK: Statistics

  public func statistics() -> BufferStatistics {
    var slabs: [Int32: SlabStatistics] = [:]
    var samples = 0
    var chunks = 0
    for stripe in stripes {
      stripe.lock.withLock {
        samples += stripe.openSamples
        chunks += stripe.openChunks
        for slab in stripe.slabs {
          let start = layout.slabStart(slab.number)
          var sum =
            slabs[slab.number] ?? SlabStatistics(start: start, end: start + layout.slabDuration, samples: 0, bytes: 0)
          sum.samples += slab.samples
          sum.bytes += slab.bytes
          samples += slab.samples
          chunks += slab.chunks
          slabs[slab.number] = sum
        }
      }
    }
    let ordered = slabs.values.sorted { $0.start < $1.start }
    let (pairs, names) = indexLock.read { (index.pairCount, index.namesInUse.count) }
    var refusals: [SeriesRefusal: Int] = [:]
    for (reason, count) in zip(SeriesRefusal.allCases, refusalCounts) {
      refusals[reason] = count.value.load(ordering: .relaxed)
    }
    return BufferStatistics(
      counts: counts.load(), series: seriesCount, seriesCreated: created.load(ordering: .relaxed),
      seriesRemoved: removed.load(ordering: .relaxed), labelPairs: pairs, labelNames: names, samples: samples,
      chunks: chunks,
      oldestSlabStart: ordered.first?.start, newestSlabEnd: ordered.last?.end, bytes: bytes,
      bytesMax: settings.bytesMax, refusals: refusals, slabs: ordered)
  }
}

/// An atomic that an array can hold.
final class Counter: Sendable {
  let value = Atomic<Int>(0)
}

/// `BufferCounts` while they are being counted; once per batch, not per sample.
final class AtomicCounts: Sendable {
  let appended = Atomic<Int>(0)
  let outOfOrder = Atomic<Int>(0)
  let duplicates = Atomic<Int>(0)
  let conflicts = Atomic<Int>(0)
  let tooOld = Atomic<Int>(0)
  let beyondBudget = Atomic<Int>(0)
  let tooNew = Atomic<Int>(0)
  let outOfMemory = Atomic<Int>(0)
  let expired = Atomic<Int>(0)
  let deleted = Atomic<Int>(0)

  func load() -> BufferCounts {
    BufferCounts(
      appended: appended.load(ordering: .relaxed), outOfOrder: outOfOrder.load(ordering: .relaxed),
      duplicates: duplicates.load(ordering: .relaxed), conflicts: conflicts.load(ordering: .relaxed),
      tooOld: tooOld.load(ordering: .relaxed), beyondBudget: beyondBudget.load(ordering: .relaxed),
      tooNew: tooNew.load(ordering: .relaxed), outOfMemory: outOfMemory.load(ordering: .relaxed),
      expired: expired.load(ordering: .relaxed), deleted: deleted.load(ordering: .relaxed))
  }

  func add(_ new: BufferCounts) {
    appended.add(new.appended, ordering: .relaxed)
    if new.outOfOrder != 0 { outOfOrder.add(new.outOfOrder, ordering: .relaxed) }
    if new.duplicates != 0 { duplicates.add(new.duplicates, ordering: .relaxed) }
    if new.conflicts != 0 { conflicts.add(new.conflicts, ordering: .relaxed) }
    if new.tooOld != 0 { tooOld.add(new.tooOld, ordering: .relaxed) }
    if new.beyondBudget != 0 { beyondBudget.add(new.beyondBudget, ordering: .relaxed) }
    if new.tooNew != 0 { tooNew.add(new.tooNew, ordering: .relaxed) }
    if new.outOfMemory != 0 { outOfMemory.add(new.outOfMemory, ordering: .relaxed) }
  }
}
