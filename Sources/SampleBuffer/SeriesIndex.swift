internal import TimeSeries

/// Which series there are: label pairs by number, series by pair, series by label set.
///
/// Not synchronised: the buffer's read-write lock guards it.
struct SeriesIndex: ~Copyable {
  typealias NameID = UInt32
  typealias PairID = UInt32

  /// A label pair (name, value): every distinct one is stored once, and knows the series that carry it. 28 bytes.
  struct Pair: BitwiseCopyable {
    var name: NameID
    var valueLength: UInt32
    var value: SlotHeap.Handle
    /// Position in the name's list of pairs.
    var positionInName: UInt32
    /// How many series carry it, how many the list has room for, and where the list is. With room for none, `series`
    /// is itself the only one: most pairs of a large fleet have one series or a few.
    var seriesCount: UInt32 = 0
    var seriesCapacity: UInt32 = 0
    var series: UInt32 = 0
  }

  private(set) var pairs: VirtualArray<Pair>
  private var freePairs: [PairID] = []
  private var pairTable: HashTable
  private var seriesTable: HashTable
  /// By `NameID`: the text, nothing in a place that is free.
  private var names: VirtualArray<UnsafeRawBufferPointer>
  /// By `NameID`: the pairs of the name, in no order.
  private var pairsOfNames: [[PairID]] = []
  private var freeNames: [NameID] = []
  private var nameTable: HashTable
  /// The pairs of the series that was looked for last. Series of one scrape come one after the other and have most of
  /// their names, and many of their values, in common: comparing is cheaper than hashing.
  private var lastPairs: [PairID] = []
  private(set) var heap: SlotHeap
  private let meter: MemoryMeter
  private let seriesMax: Int
  private let bytesMax: Int
  /// Bytes reported to the meter for what Swift's own collections hold.
  private var sideBytes = 0

  /// Pairs in use.
  var pairCount: Int { pairs.count - freePairs.count }

  init(seriesMax: Int, bytesMax: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    let pairsMax = min(bytesMax / MemoryLayout<Pair>.stride, Int(UInt32.max) - 1)
    // All that can throw comes first: a type with a deinit is initialised whole or not at all.
    let pairs = try VirtualArray<Pair>(capacity: pairsMax, meter: meter)
    let pairTable = try HashTable(entriesMax: pairsMax, meter: meter)
    let nameTable = try HashTable(entriesMax: pairsMax, meter: meter)
    let names = try VirtualArray<UnsafeRawBufferPointer>(capacity: pairsMax, meter: meter)
    let seriesTable = try HashTable(entriesMax: seriesMax, meter: meter)
    let heap = try SlotHeap(bytesMax: bytesMax, meter: meter)
    self.pairs = pairs
    self.pairTable = pairTable
    self.nameTable = nameTable
    self.names = names
    self.seriesTable = seriesTable
    self.heap = heap
    self.meter = meter
    self.seriesMax = seriesMax
    self.bytesMax = bytesMax
  }

  deinit {
    meter.add(-sideBytes)
    for name in 0..<names.count { names[name].deallocate() }
  }

  // MARK: Names and pairs

  func name(_ text: UnsafeRawBufferPointer) -> NameID? { name(text, Self.hash(text, 0)) }

  private func name(_ text: UnsafeRawBufferPointer, _ hash: UInt32) -> NameID? {
    nameTable.find(hash) { Self.sameBytes(nameBytes($0), text) }
  }

  /// - Returns: `nil` when memory is at its end.
  private mutating func internName(_ text: UnsafeRawBufferPointer) -> NameID? {
    let hash = Self.hash(text, 0)
    if let known = name(text, hash) { return known }
    guard let id = freeNames.popLast() ?? appendName() else { return nil }
    names[Int(id)] = Self.copy(text)
    guard nameTable.insert(id, hash: hash) else {
      releaseName(id)
      return nil
    }
    account(Self.bytes(ofName: text))
    return id
  }

  private mutating func appendName() -> NameID? {
    guard let place = names.append(UnsafeRawBufferPointer(start: nil, count: 0)) else { return nil }
    pairsOfNames.append([])
    return NameID(place)
  }

  private static func copy(_ text: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: text.count, alignment: 8)
    copy.copyMemory(from: text)
    return UnsafeRawBufferPointer(copy)
  }

  /// What a name takes besides its place among the texts and its list of pairs.
  private static func bytes(ofName text: UnsafeRawBufferPointer) -> Int {
    text.count + 32 + MemoryLayout<[PairID]>.stride
  }

  private mutating func freeName(_ id: NameID) {
    let text = nameBytes(id)
    account(-Self.bytes(ofName: text) - pairsOfNames[Int(id)].capacity * MemoryLayout<PairID>.stride)
    nameTable.remove(id, hash: Self.hash(text, 0))
    releaseName(id)
  }

  private mutating func releaseName(_ id: NameID) {
    names[Int(id)].deallocate()
    names[Int(id)] = UnsafeRawBufferPointer(start: nil, count: 0)
    pairsOfNames[Int(id)] = []
    freeNames.append(id)
  }

  @inline(__always) func nameBytes(_ id: NameID) -> UnsafeRawBufferPointer { names[Int(id)] }

  /// One more than the largest number of a name.
  var nameCount: Int { names.count }

  /// The names that series carry, in no order.
  var namesInUse: [NameID] { pairsOfNames.indices.filter { !pairsOfNames[$0].isEmpty }.map { NameID($0) } }

  /// The pairs with this name, in no order.
  func pairs(of name: NameID) -> [PairID] { pairsOfNames[Int(name)] }

  private mutating func account(_ bytes: Int) {
    sideBytes += bytes
    meter.add(bytes)
  }

  /// The hash of a text; `salt` tells apart the same value of different names.
  private static func hash(_ text: UnsafeRawBufferPointer, _ salt: UInt32) -> UInt32 {
    var sum = KeyedHash.Value(low: UInt64(salt) &* 0x9E37_79B9_7F4A_7C15, high: UInt64(text.count))
    var rest = text
    while let start = rest.baseAddress, rest.count > 0 {
      let count = min(rest.count, KeyedHash.lengthMax)
      KeyedHash.process.add(start, count: count, region: 0, to: &sum)
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
    return fold(sum)
  }

  private static func fold(_ sum: KeyedHash.Value) -> UInt32 {
    let mixed = (sum.low ^ sum.high) &* 0xBF58_476D_1CE4_E5B9
    return UInt32(truncatingIfNeeded: mixed >> 32)
  }

  func pair(_ name: NameID, _ value: UnsafeRawBufferPointer) -> PairID? {
    pairTable.find(Self.hash(value, name)) { isPair($0, name, value) }
  }

  @inline(__always)
  private func isPair(_ id: PairID, _ name: NameID, _ value: UnsafeRawBufferPointer) -> Bool {
    let pair = pairs[Int(id)]
    return pair.name == name && Int(pair.valueLength) == value.count && Self.sameBytes(valueBytes(id), value)
  }

  @inline(__always) func valueBytes(_ id: PairID) -> UnsafeRawBufferPointer { view.valueBytes(id) }

  /// Finds labels by number. The index never moves, so a view is good for as long as its lock is held.
  struct View: BitwiseCopyable {
    fileprivate let pairs: UnsafePointer<Pair>
    fileprivate let names: UnsafePointer<UnsafeRawBufferPointer>
    let heap: SlotHeap.View

    @inline(__always) func valueBytes(_ id: PairID) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: heap.pointer(pairs[Int(id)].value), count: Int(pairs[Int(id)].valueLength))
    }

    @inline(__always) func label(_ id: PairID) -> LabelBytes {
      LabelBytes(name: names[Int(pairs[Int(id)].name)], value: valueBytes(id))
    }

    /// The pairs of a label list, in the order of the labels' names.
    @inline(__always) func pairIDs(_ labels: SlotHeap.Handle) -> UnsafeBufferPointer<PairID> {
      let list = heap.pointer(labels).assumingMemoryBound(to: UInt32.self)
      return UnsafeBufferPointer(start: list + 1, count: Int(list[0]))
    }
  }

  @inline(__always) var view: View { View(pairs: pairs.base, names: names.base, heap: heap.view) }

  /// - Returns: `nil` when memory is at its end.
  private mutating func internPair(_ name: NameID, _ value: UnsafeRawBufferPointer) -> PairID? {
    let hash = Self.hash(value, name)
    if let known = pairTable.find(hash, { isPair($0, name, value) }) { return known }
    guard let text = heap.allocate(bytes: value.count) else { return nil }
    if let start = value.baseAddress { heap.pointer(text).copyMemory(from: start, byteCount: value.count) }
    let pair = Pair(
      name: name, valueLength: UInt32(value.count), value: text, positionInName: UInt32(pairsOfNames[Int(name)].count))
    let id: PairID
    if let free = freePairs.popLast() {
      pairs[Int(free)] = pair
      id = free
    } else if let new = pairs.append(pair) {
      id = PairID(new)
    } else {
      heap.free(text, bytes: value.count)
      return nil
    }
    guard pairTable.insert(id, hash: hash) else { return nil }
    let room = pairsOfNames[Int(name)].capacity
    pairsOfNames[Int(name)].append(id)
    account((pairsOfNames[Int(name)].capacity - room) * MemoryLayout<PairID>.stride)
    return id
  }

  private mutating func freePair(_ id: PairID) {
    lastPairs.removeAll(keepingCapacity: true)
    let pair = pairs[Int(id)]
    pairTable.remove(id, hash: Self.hash(valueBytes(id), pair.name))
    heap.free(pair.value, bytes: Int(pair.valueLength))
    if pair.seriesCapacity > 0 { heap.free(pair.series, bytes: Int(pair.seriesCapacity) * 4) }
    let moved = pairsOfNames[Int(pair.name)].removeLast()
    if moved != id {
      pairsOfNames[Int(pair.name)][Int(pair.positionInName)] = moved
      pairs[Int(moved)].positionInName = pair.positionInName
    }
    freePairs.append(id)
    if pairsOfNames[Int(pair.name)].isEmpty { freeName(pair.name) }
  }

  // MARK: Posting lists

  func postings(_ id: PairID) -> UnsafeBufferPointer<UInt32> {
    let pair = pairs.base + Int(id)
    if pair.pointee.seriesCapacity == 0 {
      let only = UnsafeRawPointer(pair) + (MemoryLayout<Pair>.offset(of: \.series) ?? 0)
      return UnsafeBufferPointer(
        start: only.assumingMemoryBound(to: UInt32.self), count: Int(pair.pointee.seriesCount))
    }
    return UnsafeBufferPointer(
      start: heap.pointer(pair.pointee.series).assumingMemoryBound(to: UInt32.self),
      count: Int(pair.pointee.seriesCount))
  }

  private mutating func addPosting(_ id: PairID, _ ref: UInt32) -> Bool {
    let pair = pairs.base + Int(id)
    let count = Int(pair.pointee.seriesCount)
    if count == 0 {
      pair.pointee.seriesCapacity = 0
      pair.pointee.series = ref
      pair.pointee.seriesCount = 1
      return true
    }
    if count >= max(Int(pair.pointee.seriesCapacity), 1) {
      let bytes = SlotHeap.roundedUp((count + max(count / 4, 1)) * 4)
      guard let larger = heap.allocate(bytes: bytes) else { return false }
      let old = postings(id)
      if let start = old.baseAddress { heap.pointer(larger).copyMemory(from: start, byteCount: count * 4) }
      if pair.pointee.seriesCapacity > 0 {
        heap.free(pair.pointee.series, bytes: Int(pair.pointee.seriesCapacity) * 4)
      }
      pair.pointee.series = larger
      pair.pointee.seriesCapacity = UInt32(bytes / 4)
    }
    heap.pointer(pair.pointee.series).storeBytes(of: ref, toByteOffset: count * 4, as: UInt32.self)
    pair.pointee.seriesCount += 1
    return true
  }

  // MARK: Series

  /// The pairs of a label list, in the order of the labels' names.
  @inline(__always) func pairIDs(_ labels: SlotHeap.Handle) -> UnsafeBufferPointer<PairID> { view.pairIDs(labels) }

  /// Stands for a pair that is not there.
  private static var noPair: PairID { PairID.max }

  /// The series with exactly these labels (sorted by name, no repeats). `ids` are then the pairs that are there, in the
  /// order of the labels, for `internPairs`.
  mutating func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, records: UnsafePointer<SeriesRecord>, ids: inout [PairID]
  ) -> UInt32? {
    ids.removeAll(keepingCapacity: true)
    var isKnown = true
    var next = 0
    for label in labels {
      let id = pair(of: label, next: &next) ?? Self.noPair
      isKnown = isKnown && id != Self.noPair
      ids.append(id)
    }
    guard isKnown else { return nil }
    lastPairs.removeAll(keepingCapacity: true)
    lastPairs.append(contentsOf: ids)
    return ids.withUnsafeBufferPointer { wanted in
      seriesTable.find(Self.hash(of: wanted)) { ref in
        let held = pairIDs(records[Int(ref)].labels)
        return held.count == wanted.count
          && Self.sameBytes(UnsafeRawBufferPointer(held), UnsafeRawBufferPointer(wanted))
      }
    }
  }

  /// The pair of a label, looked for first among those of the last series, at or behind `next`: both are in the order
  /// of their names.
  private func pair(of label: LabelBytes, next: inout Int) -> PairID? {
    var place = next
    while place < lastPairs.count {
      let id = lastPairs[place]
      let name = pairs[Int(id)].name
      if Self.sameBytes(nameBytes(name), label.name) {
        next = place + 1
        return Self.sameBytes(valueBytes(id), label.value) ? id : pair(name, label.value)
      }
      place += 1
      if place > next + 2 { break }
    }
    return name(label.name).flatMap { pair($0, label.value) }
  }

  /// Enters those pairs of `labels` that `ids` says are not there.
  /// - Returns: false when memory is at its end.
  mutating func internPairs(_ labels: UnsafeBufferPointer<LabelBytes>, into ids: inout [PairID]) -> Bool {
    for (i, label) in labels.enumerated() where ids[i] == Self.noPair {
      guard let name = internName(label.name) else { return false }
      guard let pair = internPair(name, label.value) else {
        if pairsOfNames[Int(name)].isEmpty { freeName(name) }
        return false
      }
      ids[i] = pair
    }
    lastPairs.removeAll(keepingCapacity: true)
    lastPairs.append(contentsOf: ids)
    return true
  }

  private static func hash(of ids: UnsafeBufferPointer<PairID>) -> UInt32 {
    var sum = KeyedHash.Value(high: UInt64(ids.count))
    guard let start = ids.baseAddress else { return 0 }
    KeyedHash.process.add(start, count: min(ids.count * 4, KeyedHash.lengthMax), region: 1, to: &sum)
    return fold(sum)
  }

  /// Enters series `ref` with these pairs.
  /// - Returns: its label list, or `nil` when memory is at its end; then nothing refers to `ref`.
  mutating func insert(_ ref: UInt32, _ ids: [PairID]) -> SlotHeap.Handle? {
    guard let list = heap.allocate(bytes: (ids.count + 1) * 4) else { return nil }
    let words = heap.pointer(list).assumingMemoryBound(to: UInt32.self)
    words[0] = UInt32(ids.count)
    for (i, id) in ids.enumerated() { words[i + 1] = id }
    let hash = Self.hash(of: pairIDs(list))
    guard seriesTable.insert(ref, hash: hash) else {
      heap.free(list, bytes: (ids.count + 1) * 4)
      return nil
    }
    for (i, id) in ids.enumerated() where !addPosting(id, ref) {
      for undone in ids.prefix(i) { removeLastPosting(undone) }
      seriesTable.remove(ref, hash: hash)
      heap.free(list, bytes: (ids.count + 1) * 4)
      return nil
    }
    return list
  }

  private func removeLastPosting(_ id: PairID) { pairs.base[Int(id)].seriesCount -= 1 }

  /// Removes series whose records still name their label lists. Posting lists are swept once each, however many of
  /// their series go.
  mutating func remove(_ dead: [UInt32], records: UnsafePointer<SeriesRecord>) {
    guard !dead.isEmpty else { return }
    var isDead = BitSet(count: Int(dead.max() ?? 0) + 1)
    var touched = BitSet(count: pairs.count)
    for ref in dead {
      isDead.insert(Int(ref))
      let list = pairIDs(records[Int(ref)].labels)
      for id in list { touched.insert(Int(id)) }
      seriesTable.remove(ref, hash: Self.hash(of: list))
    }
    for id in 0..<pairs.count where touched.contains(id) {
      let pair = pairs.base + id
      if pair.pointee.seriesCapacity == 0 {
        if isDead.contains(Int(pair.pointee.series)) { pair.pointee.seriesCount = 0 }
      } else {
        let list = heap.pointer(pair.pointee.series).assumingMemoryBound(to: UInt32.self)
        var kept = 0
        for i in 0..<Int(pair.pointee.seriesCount) where !isDead.contains(Int(list[i])) {
          list[kept] = list[i]
          kept += 1
        }
        pair.pointee.seriesCount = UInt32(kept)
      }
      if pair.pointee.seriesCount == 0 { freePair(PairID(id)) }
    }
    for ref in dead {
      let labels = records[Int(ref)].labels
      heap.free(labels, bytes: (pairIDs(labels).count + 1) * 4)
    }
  }

  // MARK: Giving memory back

  /// Whether much of its memory waits for series that may never come: after a flood of series that are gone.
  var isSparse: Bool {
    heap.bytes > Self.bytesWorthwhile && heap.freeBytes > heap.bytes / 2
      || pairs.count * MemoryLayout<Pair>.stride > Self.bytesWorthwhile && freePairs.count > pairs.count / 2
  }
  private static var bytesWorthwhile: Int { 256 << 10 }

  /// The same series in memory that holds nothing else. Pairs and label lists get new numbers and places; `lists` are
  /// those of `refs`, the series that there are.
  /// - Returns: `nil` when memory is at its end.
  func compacted(_ refs: [UInt32], records: UnsafePointer<SeriesRecord>, lists: inout [SlotHeap.Handle]) -> SeriesIndex?
  {
    guard var new = try? SeriesIndex(seriesMax: seriesMax, bytesMax: bytesMax, meter: meter) else { return nil }
    var known = [PairID](repeating: Self.noPair, count: pairs.count)
    var ids: [PairID] = []
    lists.reserveCapacity(refs.count)
    for ref in refs {
      ids.removeAll(keepingCapacity: true)
      for old in pairIDs(records[Int(ref)].labels) {
        if known[Int(old)] == Self.noPair {
          guard let name = new.internName(nameBytes(pairs[Int(old)].name)),
            let id = new.internPair(name, valueBytes(old))
          else { return nil }
          known[Int(old)] = id
        }
        ids.append(known[Int(old)])
      }
      guard let list = new.insert(ref, ids) else { return nil }
      lists.append(list)
    }
    return new
  }

  /// Drops pairs that were interned for a series which then was not entered.
  mutating func releaseUnused(_ ids: [PairID]) {
    for id in ids where id != Self.noPair && pairs[Int(id)].seriesCount == 0 { freePair(id) }
  }

  @inline(__always)
  private static func sameBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
    let count = a.count
    guard count == b.count else { return false }
    guard let a = a.baseAddress, let b = b.baseAddress else { return true }
    func differ<Word: FixedWidthInteger & BitwiseCopyable>(_: Word.Type, _ at: Int) -> Bool {
      a.loadUnaligned(fromByteOffset: at, as: Word.self) != b.loadUnaligned(fromByteOffset: at, as: Word.self)
    }
    // The last words overlap those before them.
    if count >= 8 {
      var i = 0
      while i &+ 8 < count {
        if differ(UInt64.self, i) { return false }
        i &+= 8
      }
      return !differ(UInt64.self, count &- 8)
    }
    if count >= 4 { return !differ(UInt32.self, 0) && !differ(UInt32.self, count &- 4) }
    for i in 0..<count where differ(UInt8.self, i) { return false }
    return true
  }
}

/// A set of small numbers.
struct BitSet: Sendable {
  private var words: [UInt64]

  init(count: Int) { words = [UInt64](repeating: 0, count: (count + 63) / 64) }

  /// - Returns: whether it was not there yet.
  @discardableResult
  mutating func insert(_ number: Int) -> Bool {
    let bit = 1 << UInt64(number & 63) as UInt64
    defer { words[number >> 6] |= bit }
    return words[number >> 6] & bit == 0
  }

  @inline(__always) func contains(_ number: Int) -> Bool {
    number >> 6 < words.count && words[number >> 6] & (1 << UInt64(number & 63)) != 0
  }
}
