internal import Synchronization
internal import TimeSeries
internal import Wire

/// What a source of a task has made of a series when it came for the first time.
struct KnownSeries {
  /// The filter line that rejects it; −1 when it passes.
  var rejectingLine: Int32
  /// Of the labels that are delivered; decides the partition.
  var hash: UInt64
  /// Labels that gave way to the format's own names.
  var movedLabels: UInt8
  /// What each of its samples begins with in a record, see `DeliveredEncoder.writeHead`; empty when it is rejected.
  var head: UnsafeRawBufferPointer
}

/// The series that a source knows again, by the identity that they come with: no filter is asked and no label looked at
/// a second time.
///
/// Bounded: there are two generations. What is asked for moves to the young one, and when that has half of the memory,
/// it becomes the old one, and the old one is forgotten with all that nobody asked for meanwhile.
final class SeriesCache: Sendable {
  private static let stripeCount = 16
  private let stripes: [Stripe]

  /// A part of the series with a lock of its own, so that threads rarely meet.
  ///
  /// `@unchecked Sendable`: `generations` is touched with the lock held.
  private final class Stripe: @unchecked Sendable {
    private let lock = Mutex(())
    private var generations: Generations

    init(bytesMax: Int) { generations = Generations(bytesMax: bytesMax) }

    @inline(__always)
    func withLock<R>(_ body: (inout Generations) -> R) -> R {
      lock.withLock { _ in body(&generations) }
    }
  }

  init(bytesMax: Int) {
    stripes = (0..<Self.stripeCount).map { _ in Stripe(bytesMax: bytesMax / Self.stripeCount) }
  }

  /// Calls `body` with what is known of the series, with a lock held: it must be quick.
  /// - Returns: false if nothing is known.
  @inline(__always)
  func find(_ identity: SeriesIdentity, _ body: (KnownSeries) -> Void) -> Bool {
    let word = identity.word
    return stripes[Int(truncatingIfNeeded: word >> 60)].withLock { $0.find(identity, word, body) }
  }

  /// Remembers a series; its head is copied.
  func insert(_ identity: SeriesIdentity, _ series: KnownSeries) {
    let word = identity.word
    stripes[Int(truncatingIfNeeded: word >> 60)].withLock { $0.insert(identity, word, series) }
  }

  var statistics: (series: Int, bytes: Int) {
    stripes.reduce(into: (0, 0)) { sum, stripe in
      let (series, bytes) = stripe.withLock { ($0.count, $0.bytes) }
      sum.0 += series
      sum.1 += bytes
    }
  }
}

private struct Generations: ~Copyable {
  private var young = Generation()
  private var old = Generation()
  private let bytesMax: Int

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Series in both: those that have moved count twice for a while.
  var count: Int { young.count + old.count }
  var bytes: Int { young.bytes + old.bytes }

  @inline(__always)
  mutating func find(_ identity: SeriesIdentity, _ word: UInt64, _ body: (KnownSeries) -> Void) -> Bool {
    if let place = young.find(identity, word) {
      body(young[place])
      return true
    }
    guard let place = old.find(identity, word) else { return false }
    let series = old[place]
    body(series)
    insert(identity, word, series)
    return true
  }

  mutating func insert(_ identity: SeriesIdentity, _ word: UInt64, _ series: KnownSeries) {
    young.insert(identity, word, series)
    if young.bytes >= bytesMax / 2 {
      swap(&old, &young)
      young = Generation()
    }
  }
}

/// A table with open addressing, and the texts that it points to.
private struct Generation: ~Copyable {
  private struct Slot {
    var identity: SeriesIdentity
    var head: UnsafeRawPointer?
    var hash: UInt64
    var headCount: UInt32
    var rejectingLine: Int32
    var movedLabels: UInt8
    /// Zeroed memory is an empty slot.
    var isUsed: Bool
  }

  private(set) var count = 0
  private var capacity = 0
  private var slots: UnsafeMutablePointer<Slot>?
  private var texts: [UnsafeMutableRawPointer] = []
  private var textBytes = 0
  private var textUsed = 0
  private var textCapacity = 0

  init() {}

  deinit {
    slots?.deallocate()
    for text in texts { text.deallocate() }
  }

  var bytes: Int { capacity * MemoryLayout<Slot>.stride + textBytes }

  subscript(place: Int) -> KnownSeries {
    guard let slots else { preconditionFailure("an empty table has no place \(place)") }
    let slot = slots[place]
    return KnownSeries(
      rejectingLine: slot.rejectingLine, hash: slot.hash, movedLabels: slot.movedLabels,
      head: UnsafeRawBufferPointer(start: slot.head, count: Int(slot.headCount)))
  }

  @inline(__always)
  func find(_ identity: SeriesIdentity, _ word: UInt64) -> Int? {
    guard let slots else { return nil }
    var place = Int(truncatingIfNeeded: word) & (capacity &- 1)
    while slots[place].isUsed {
      if slots[place].identity == identity { return place }
      place = (place &+ 1) & (capacity &- 1)
    }
    return nil
  }

  mutating func insert(_ identity: SeriesIdentity, _ word: UInt64, _ series: KnownSeries) {
    if (count + 1) * 4 > capacity * 3 { grow() }
    guard let slots, find(identity, word) == nil else { return }
    let slot = Slot(
      identity: identity, head: keep(series.head), hash: series.hash, headCount: UInt32(series.head.count),
      rejectingLine: series.rejectingLine, movedLabels: series.movedLabels, isUsed: true)
    place(slot, slots, capacity)
    count += 1
  }

  private func place(_ slot: Slot, _ slots: UnsafeMutablePointer<Slot>, _ capacity: Int) {
    var place = Int(truncatingIfNeeded: slot.identity.word) & (capacity - 1)
    while slots[place].isUsed { place = (place + 1) & (capacity - 1) }
    slots[place] = slot
  }

  private mutating func grow() {
    let larger = max(capacity * 2, 64)
    let bytes = larger * MemoryLayout<Slot>.stride
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: MemoryLayout<Slot>.alignment)
    raw.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    let made = raw.assumingMemoryBound(to: Slot.self)
    if let slots {
      for i in 0..<capacity where slots[i].isUsed { place(slots[i], made, larger) }
      slots.deallocate()
    }
    slots = made
    capacity = larger
  }

  /// Copies a text into memory that is given back with the generation.
  private mutating func keep(_ text: UnsafeRawBufferPointer) -> UnsafeRawPointer? {
    guard let source = text.baseAddress, text.count > 0 else { return nil }
    if textCapacity - textUsed < text.count {
      // Small at first: there is one for each stripe of each source.
      textCapacity = max(min(max(textBytes, 4 << 10), 256 << 10), text.count)
      texts.append(.allocate(byteCount: textCapacity, alignment: 1))
      textBytes += textCapacity
      textUsed = 0
    }
    guard let block = texts.last else { return nil }
    let target = block + textUsed
    target.copyMemory(from: source, byteCount: text.count)
    textUsed += text.count
    return UnsafeRawPointer(target)
  }
}
