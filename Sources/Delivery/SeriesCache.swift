internal import Glibc
internal import TimeSeries
internal import Wire

/// What a source of a task has made of a series when it came for the first time.
struct KnownSeries {
  /// What each of its samples begins with in a record, see `DeliveredEncoder.writeHead`; empty when it is rejected.
  var head = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Of the labels that are delivered; decides the partition.
  var hash: UInt64 = 0
  /// The filter line that rejects it; −1 when it passes.
  var rejectingLine: Int32 = -1
  /// Labels that gave way to the format's own names.
  var movedLabels: UInt32 = 0
}

/// The series that a source knows again, by the identity that they come with: no filter is asked and no label looked at
/// a second time.
///
/// Threads look series up while they hold the lock for reading, for as long as a request takes, and put in what was new
/// when they are done. Series lie in memory in the order in which they came, as they will come again: so the next one is
/// nearly always the neighbour of the last, and what it takes is fetched by the processor in time.
///
/// Bounded: there are two generations. What is asked for moves to the young one, and when that has half of the memory,
/// or its time is over, it becomes the old one, and the old one is forgotten with all that nobody has asked for meanwhile.
///
/// `@unchecked Sendable`: generations change with the lock held for writing.
final class SeriesCache: @unchecked Sendable {
  private let lock = UnsafeMutablePointer<pthread_rwlock_t>.allocate(capacity: 1)
  private var young = Generation()
  private var old = Generation()
  private let bytesMax: Int
  private let generationLasts: Duration
  private var begun = ContinuousClock.now

  /// A longer head is made anew each time.
  static let headBytesMax = 64 << 10

  /// - Parameter generationLasts: how long series come into one generation. Looked at when some do: where there are no
  ///   new ones nothing grows.
  init(bytesMax: Int, generationLasts: Duration = .seconds(600)) {
    self.bytesMax = bytesMax
    self.generationLasts = generationLasts
    var attributes = pthread_rwlockattr_t()
    pthread_rwlockattr_init(&attributes)
    // Or new series would not come in where requests follow each other without a gap.
    pthread_rwlockattr_setkind_np(&attributes, Int32(PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP))
    pthread_rwlock_init(lock, &attributes)
    pthread_rwlockattr_destroy(&attributes)
  }

  deinit {
    pthread_rwlock_destroy(lock)
    lock.deallocate()
  }

  /// What is known; good until `endReading`.
  func beginReading() -> SeriesView {
    pthread_rwlock_rdlock(lock)
    return SeriesView(young: young.view, old: old.view)
  }

  func endReading() { pthread_rwlock_unlock(lock) }

  /// Remembers series; their heads are copied.
  func insert(_ learned: borrowing LearnedSeries) {
    guard learned.count > 0 else { return }
    pthread_rwlock_wrlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    if begun.duration(to: .now) >= generationLasts { beginGeneration() }
    learned.withEach { identity, series in
      young.insert(identity, series)
      if young.bytes >= bytesMax / 2 { beginGeneration() }
    }
  }

  private func beginGeneration() {
    swap(&old, &young)
    young = Generation()
    begun = .now
  }

  /// Series in both generations: those that have moved count twice for a while.
  var statistics: (series: Int, bytes: Int) {
    pthread_rwlock_rdlock(lock)
    defer { pthread_rwlock_unlock(lock) }
    return (young.count + old.count, young.bytes + old.bytes)
  }
}

/// The series of a cache as one reader sees them.
struct SeriesView {
  struct Entry {
    var identity: SeriesIdentity
    var series: KnownSeries
  }

  /// One generation: entries in the order in which they came, and a table of their places by identity.
  struct Table {
    var entries: UnsafeMutablePointer<Entry>?
    var count = 0
    /// 0 for nothing, else the place of an entry plus one.
    var index: UnsafeMutablePointer<UInt32>?
    var mask = 0

    @inline(__always)
    func find(_ identity: SeriesIdentity) -> Int? {
      guard let index, let entries else { return nil }
      var slot = Int(truncatingIfNeeded: identity.word) & mask
      while index[slot] != 0 {
        let place = Int(index[slot]) &- 1
        if entries[place].identity == identity { return place }
        slot = (slot &+ 1) & mask
      }
      return nil
    }
  }

  fileprivate let young: Table
  fileprivate let old: Table
  /// The place of the series found last.
  private var last = -1

  fileprivate init(young: Table, old: Table) {
    self.young = young
    self.old = old
  }

  /// Takes over from the view of the request before where it stood.
  func standing(at other: SeriesView?) -> SeriesView {
    var view = self
    view.last = other?.last ?? -1
    return view
  }

  @inline(__always)
  mutating func find(_ identity: SeriesIdentity) -> KnownSeries? {
    let next = last &+ 1
    if next < young.count, let entries = young.entries, entries[next].identity == identity {
      last = next
      return entries[next].series
    }
    guard let place = young.find(identity), let entries = young.entries else { return nil }
    last = place
    return entries[place].series
  }

  /// The series found last.
  @inline(__always)
  var current: KnownSeries? {
    guard last >= 0, last < young.count, let entries = young.entries else { return nil }
    return entries[last].series
  }

  /// A series of the old generation, which the finder is to insert again.
  func findOld(_ identity: SeriesIdentity) -> KnownSeries? {
    guard let place = old.find(identity), let entries = old.entries else { return nil }
    return entries[place].series
  }
}

/// Series that a request has brought and that the cache does not have yet.
struct LearnedSeries: ~Copyable {
  private var entries: [(identity: SeriesIdentity, series: KnownSeries, start: Int)] = []
  private var heads = ByteWriter(capacity: 1024)
  /// Of all heads; later series are not learned with this request.
  private static let bytesMax = 16 << 20

  init() {}

  var count: Int { entries.count }

  mutating func append(_ identity: SeriesIdentity, _ series: KnownSeries) {
    guard series.head.count <= SeriesCache.headBytesMax, heads.count + series.head.count <= Self.bytesMax else {
      return
    }
    entries.append((identity, series, heads.count))
    heads.append(series.head)
  }

  borrowing func withEach(_ body: (SeriesIdentity, KnownSeries) -> Void) {
    heads.withBytes { heads in
      for (identity, series, start) in entries {
        var series = series
        series.head = UnsafeRawBufferPointer(rebasing: heads[start..<start + series.head.count])
        body(identity, series)
      }
    }
  }

  mutating func removeAll() {
    guard !entries.isEmpty else { return }
    entries.removeAll(keepingCapacity: entries.count < 10_000)
    if heads.count > 1 << 20 { heads = ByteWriter(capacity: 1024) } else { heads.removeAll() }
  }
}

/// Entries and the texts that they point to.
private struct Generation: ~Copyable {
  private var table = SeriesView.Table()
  private var capacity = 0
  private var texts: [UnsafeMutableRawPointer] = []
  private var textBytes = 0
  private var textUsed = 0
  private var textCapacity = 0

  init() {}

  deinit {
    table.entries?.deallocate()
    table.index?.deallocate()
    for text in texts { text.deallocate() }
  }

  var count: Int { table.count }
  var view: SeriesView.Table { table }
  var bytes: Int {
    capacity * MemoryLayout<SeriesView.Entry>.stride + (table.index == nil ? 0 : (table.mask + 1) * 4) + textBytes
  }

  mutating func insert(_ identity: SeriesIdentity, _ series: KnownSeries) {
    guard table.find(identity) == nil else { return }
    if table.count == capacity { grow() }
    guard let entries = table.entries, table.count < Int(UInt32.max) - 1 else { return }
    var series = series
    series.head = keep(series.head)
    (entries + table.count).initialize(to: SeriesView.Entry(identity: identity, series: series))
    table.count += 1
    enter(table.count)
  }

  /// Puts entry `number`, counted from 1, into the index.
  private func enter(_ number: Int) {
    guard let index = table.index, let entries = table.entries else { return }
    var slot = Int(truncatingIfNeeded: entries[number - 1].identity.word) & table.mask
    while index[slot] != 0 { slot = (slot + 1) & table.mask }
    index[slot] = UInt32(number)
  }

  private mutating func grow() {
    let larger = max(capacity * 2, 64)
    let entries = UnsafeMutablePointer<SeriesView.Entry>.allocate(capacity: larger)
    if let old = table.entries {
      entries.moveInitialize(from: old, count: table.count)
      old.deallocate()
    }
    table.entries = entries
    capacity = larger
    // Half empty, so that what is not there is soon found missing.
    table.index?.deallocate()
    let index = UnsafeMutablePointer<UInt32>.allocate(capacity: larger * 2)
    index.initialize(repeating: 0, count: larger * 2)
    table.index = index
    table.mask = larger * 2 - 1
    for number in 1..<table.count + 1 { enter(number) }
  }

  /// Copies a text into memory that is given back with the generation.
  private mutating func keep(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard let source = text.baseAddress, text.count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    if textCapacity - textUsed < text.count {
      textCapacity = max(min(max(textBytes, 16 << 10), 1 << 20), text.count)
      texts.append(.allocate(byteCount: textCapacity, alignment: 1))
      textBytes += textCapacity
      textUsed = 0
    }
    guard let block = texts.last else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let target = block + textUsed
    target.copyMemory(from: source, byteCount: text.count)
    textUsed += text.count
    return UnsafeRawBufferPointer(start: target, count: text.count)
  }
}
