internal import TimeSeries

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The series of one selection sorted into groups: those that agree in the labels that count. Only numbers of labels
/// are compared, no text.
struct SeriesGroups: ~Copyable {
  private let labels: SeriesLabels
  /// By label number.
  private let counts: UnsafeMutablePointer<Bool>
  /// Groups so far.
  private(set) var count = 0
  /// The list of the series before, and room for the next one.
  private var previous: UnsafeMutablePointer<UInt32>
  private var current: UnsafeMutablePointer<UInt32>
  private var capacity = 64
  private var previousCount = -1
  private var previousGroup: Int32 = 0
  /// The lists of all groups, one behind the other, and where each ends.
  private var lists: [UInt32] = []
  private var ends: [Int] = []
  private var hashes: [UInt64] = []
  /// Open addressing, −1 for free; a power of two, at most half full.
  private var slots: [Int32] = Array(repeating: -1, count: 64)

  /// - Parameter dropsName: whether the series have lost name, type and unit.
  init(_ labels: SeriesLabels, _ filter: LabelFilter, dropsName: Bool) {
    self.labels = labels
    counts = .allocate(capacity: max(labels.labelCount, 1))
    previous = .allocate(capacity: capacity)
    current = .allocate(capacity: capacity)
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    let names = (0..<labels.nameCount).map { number in
      let label = LabelBytes(name: labels.name(number), value: nothing)
      return filter(label) && !(dropsName && label.isMetadata)
    }
    for number in 0..<labels.labelCount {
      (counts + number).initialize(to: names[labels.name(ofLabel: UInt32(number))])
    }
  }

  deinit {
    counts.deallocate()
    previous.deallocate()
    current.deallocate()
  }

  /// The group of a series: a number below `count`.
  mutating func group(of series: Int) -> Int32 {
    let numbers = labels.numbers(of: series)
    if numbers.count > capacity { grow(numbers.count) }
    var kept = 0
    for number in numbers {
      current[kept] = number
      kept &+= counts[Int(number)] ? 1 : 0
    }
    // Neighbours tend to be of one group.
    if kept == previousCount, memcmp(current, previous, kept &* 4) == 0 { return previousGroup }
    previousGroup = find(current, kept)
    previousCount = kept
    swap(&previous, &current)
    return previousGroup
  }

  private mutating func find(_ list: UnsafeMutablePointer<UInt32>, _ count: Int) -> Int32 {
    let hash = LabelTable.hash(UnsafeRawBufferPointer(start: list, count: count &* 4))
    let mask = slots.count &- 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] >= 0 {
      let candidate = Int(slots[slot])
      if hashes[candidate] == hash, holds(list, count, candidate) { return Int32(candidate) }
      slot = (slot &+ 1) & mask
    }
    let number = Int32(self.count)
    self.count += 1
    slots[slot] = number
    lists.append(contentsOf: UnsafeBufferPointer(start: list, count: count))
    ends.append(lists.count)
    hashes.append(hash)
    if self.count * 2 > slots.count { growSlots() }
    return number
  }

  private func holds(_ list: UnsafeMutablePointer<UInt32>, _ count: Int, _ group: Int) -> Bool {
    let start = group == 0 ? 0 : ends[group - 1]
    guard ends[group] - start == count else { return false }
    return lists.withUnsafeBufferPointer { lists in
      lists.baseAddress.map { memcmp($0 + start, list, count &* 4) == 0 } ?? true
    }
  }

  private mutating func growSlots() {
    slots = Array(repeating: -1, count: slots.count * 2)
    let mask = slots.count - 1
    for (number, hash) in hashes.enumerated() {
      var slot = Int(truncatingIfNeeded: hash) & mask
      while slots[slot] >= 0 { slot = (slot + 1) & mask }
      slots[slot] = Int32(number)
    }
  }

  private mutating func grow(_ count: Int) {
    let larger = UnsafeMutablePointer<UInt32>.allocate(capacity: count * 2)
    if previousCount > 0 { larger.update(from: previous, count: previousCount) }
    previous.deallocate()
    current.deallocate()
    previous = larger
    current = .allocate(capacity: count * 2)
    capacity = count * 2
  }
}
