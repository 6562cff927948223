internal import SampleBuffer
internal import TimeSeries

/// Which selections a series belongs to, so that an arrival that nobody waits for costs one look-up however many wait.
///
/// Series that are in the buffer when a selection comes are found through its index; one that is new is tried on all
/// selections when its first sample arrives.
struct LiveInterest {
  private let buffer: SampleBuffer
  /// By number. Numbers are not given twice.
  private var selections: [Int: [[Matcher]]] = [:]
  private var next = 0
  /// How many that are gone may still stand in `sets`.
  private var gone = 0
  /// What is known of a slot of the buffer.
  private struct Slot {
    /// Of the series that this is about, plus one; 0 for nothing known.
    var tenant: UInt32 = 0
    /// In `sets`.
    var set: Int32 = 0
  }
  private var slots: [Slot] = []
  /// Sets of selections that series belong to; the first is the empty one.
  private var sets: [[Int]] = [[]]
  private var numbers: [[Int]: Int32] = [[]: 0]

  init(_ buffer: SampleBuffer) { self.buffer = buffer }

  /// Adds a selection: series that pass all matchers of one of the selectors.
  /// - Returns: its number.
  mutating func add(_ selectors: [[Matcher]]) -> Int {
    if selections.isEmpty { forget() }
    next += 1
    selections[next] = selectors
    enter(next, selectors)
    return next
  }

  mutating func remove(_ number: Int) {
    selections[number] = nil
    gone += 1
    // What is gone stays in the sets until there is more of it than of the rest.
    guard gone > selections.count + 64 else { return }
    forget()
    for (number, selectors) in selections { enter(number, selectors) }
  }

  /// The selections that a series belongs to; some may be gone already.
  mutating func selections(of token: SeriesToken) -> [Int] {
    let i = Int(token.ref)
    if i < slots.count, slots[i].tenant == token.generation &+ 1 { return sets[Int(slots[i].set)] }
    let set = trying(token)
    note(token, intern(set))
    return set
  }

  /// Takes every series for one that belongs to no selection.
  private mutating func forget() {
    gone = 0
    slots = []
    sets = [[]]
    numbers = [[]: 0]
    for token in buffer.select([]) { note(token, 0) }
  }

  private mutating func enter(_ number: Int, _ selectors: [[Matcher]]) {
    var last: (from: Int32, to: Int32)?
    for token in buffer.select(anyOf: selectors) {
      let i = Int(token.ref)
      // A series that came since is tried on all selections anyway.
      guard i < slots.count, slots[i].tenant == token.generation &+ 1 else { continue }
      let from = slots[i].set
      if last?.from != from { last = (from, intern(sets[Int(from)] + [number])) }
      slots[i].set = last?.to ?? 0
    }
  }

  private mutating func note(_ token: SeriesToken, _ set: Int32) {
    let i = Int(token.ref)
    if i >= slots.count { slots += Array(repeating: Slot(), count: max(i + 1, slots.count * 5 / 4) - slots.count) }
    slots[i] = Slot(tenant: token.generation &+ 1, set: set)
  }

  private mutating func intern(_ set: [Int]) -> Int32 {
    if let known = numbers[set] { return known }
    let number = Int32(sets.count)
    sets.append(set)
    numbers[set] = number
    return number
  }

  private func trying(_ token: SeriesToken) -> [Int] {
    guard let labels = buffer.labelSets(of: [token])[0] else { return [] }
    let passed = selections.filter { _, selectors in
      selectors.contains { matchers in matchers.allSatisfy { $0.matches(labels[$0.name]) } }
    }
    return passed.keys.sorted()
  }
}
