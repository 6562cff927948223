internal import TimeSeries

/// The labels of a series: those that a selection lends, perhaps without the metric name, or a set of the query's table.
/// No label is looked at before somebody asks.
struct LabelKey: Sendable {
  /// −1: `index` is a number in the table.
  var selection: Int32
  var index: Int32
  /// Whether `__name__`, `__type__` and `__unit__` are left out.
  var dropsName: Bool

  static func interned(_ number: Int) -> LabelKey { LabelKey(selection: -1, index: Int32(number), dropsName: false) }
}

/// Every label set of one query.
///
/// `@unchecked Sendable`: only the thread that evaluates changes it, and never while it has worker threads running.
final class LabelStore: @unchecked Sendable {
  private var selections: [Selection] = []
  private var table = LabelTable()
  private var scratch = LabelScratch()

  private final class Selection {
    let labels: SeriesLabels
    /// By name number.
    let isMetadata: [Bool]
    /// By label number, as far as anybody has asked for them as text.
    var texts: [Label?] = []

    init(_ labels: SeriesLabels) {
      self.labels = labels
      let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
      isMetadata = (0..<labels.nameCount).map { LabelBytes(name: labels.name($0), value: nothing).isMetadata }
    }

    /// The numbers of a series' labels.
    func forEachNumber(_ key: LabelKey, _ body: (UInt32) -> Void) {
      for number in labels.numbers(of: Int(key.index))
      where !(key.dropsName && isMetadata[labels.name(ofLabel: number)]) { body(number) }
    }
  }

  func add(_ labels: SeriesLabels) -> Int32 {
    selections.append(Selection(labels))
    return Int32(selections.count - 1)
  }

  /// The labels of a selection's series.
  func selection(_ number: Int32) -> SeriesLabels { selections[Int(number)].labels }

  /// The one selection that all of `keys` are of, if they are, and whether their names are dropped.
  func commonSelection(of keys: [LabelKey]) -> (selection: Int32, dropsName: Bool)? {
    guard let first = keys.first, first.selection >= 0 else { return nil }
    for key in keys where key.selection != first.selection || key.dropsName != first.dropsName { return nil }
    return (first.selection, first.dropsName)
  }

  struct Groups: Sendable {
    /// The group of each series.
    var groupOf: [Int32] = []
    /// The first series of each group.
    var firsts: [Int] = []
  }

  /// Groups by the labels that pass `filter`; `nil` unless all of `keys` are of one selection.
  func groups(of keys: [LabelKey], _ filter: LabelFilter) -> Groups? {
    guard let (selection, dropsName) = commonSelection(of: keys) else { return nil }
    return groups(selection, keys.count, filter, dropsName: dropsName) { Int(keys[$0].index) }
  }

  /// Groups the first `count` series of a selection, or those that `series` tells.
  func groups(
    _ selection: Int32, _ count: Int, _ filter: LabelFilter, dropsName: Bool, series: (Int) -> Int = { $0 }
  ) -> Groups {
    var groups = SeriesGroups(selections[Int(selection)].labels, filter, dropsName: dropsName)
    var found = Groups()
    found.groupOf.reserveCapacity(count)
    for i in 0..<count {
      let group = groups.group(of: series(i))
      if Int(group) == found.firsts.count { found.firsts.append(i) }
      found.groupOf.append(group)
    }
    return found
  }

  /// Lends the labels to `body`.
  func withLabels<R>(_ key: LabelKey, _ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R {
    guard key.selection >= 0 else { return table.withLabels(of: Int(key.index), body) }
    let selection = selections[Int(key.selection)]
    guard key.dropsName else { return selection.labels.withLabels(of: Int(key.index), body) }
    let most = selection.labels.numbers(of: Int(key.index)).count
    return withUnsafeTemporaryAllocation(of: LabelBytes.self, capacity: most) { kept in
      var count = 0
      selection.forEachNumber(key) { number in
        kept.initializeElement(at: count, to: selection.labels.label(number))
        count += 1
      }
      return body(UnsafeBufferPointer(rebasing: kept[..<count]))
    }
  }

  func labelSet(_ key: LabelKey) -> LabelSet {
    guard key.selection >= 0 else { return withLabels(key) { LabelSet(copying: $0) } }
    // Series share most of their labels: each becomes text once.
    let selection = selections[Int(key.selection)]
    if selection.texts.isEmpty { selection.texts = Array(repeating: nil, count: selection.labels.labelCount) }
    var found: [Label] = []
    found.reserveCapacity(selection.labels.numbers(of: Int(key.index)).count)
    selection.forEachNumber(key) { number in
      if let text = selection.texts[Int(number)] {
        found.append(text)
      } else {
        let text = selection.labels.label(number).label
        selection.texts[Int(number)] = text
        found.append(text)
      }
    }
    return LabelSet(sorted: found)
  }

  /// The indices of `keys` in the order of their labels.
  func sorted(_ keys: [LabelKey]) -> [Int] {
    guard keys.count > 1, let (number, _) = commonSelection(of: keys) else {
      let sets = keys.map { labelSet($0) }
      return keys.indices.sorted { sets[$0] < sets[$1] }
    }
    // Labels are ranked once; series are then compared by their labels' ranks.
    let selection = selections[Int(number)]
    let order = (0..<UInt32(selection.labels.labelCount)).sorted { a, b in
      let (x, y) = (selection.labels.label(a), selection.labels.label(b))
      return selection.labels.name(ofLabel: a) == selection.labels.name(ofLabel: b)
        ? x.value.lexicographicallyPrecedes(y.value) : x.name.lexicographicallyPrecedes(y.name)
    }
    var ranks = [UInt32](repeating: 0, count: order.count)
    for (rank, label) in order.enumerated() { ranks[Int(label)] = UInt32(rank) }
    var lists: [UInt32] = []
    var ends: [Int] = [0]
    for key in keys {
      selection.forEachNumber(key) { lists.append(ranks[Int($0)]) }
      ends.append(lists.count)
    }
    return lists.withUnsafeBufferPointer { lists in
      keys.indices.sorted { a, b in
        let (x, y) = (lists[ends[a]..<ends[a + 1]], lists[ends[b]..<ends[b + 1]])
        return x.lexicographicallyPrecedes(y)
      }
    }
  }

  func value(_ name: String, _ key: LabelKey) -> String {
    var name = name
    return name.withUTF8 { name in
      withLabels(key) { labels in
        let found = labels.first { $0.name.hasSameBytes(as: UnsafeRawBufferPointer(name)) }
        return found.map { String(decoding: $0.value, as: UTF8.self) } ?? ""
      }
    }
  }

  /// The number of these labels in the table.
  func intern(_ key: LabelKey) -> Int {
    if key.selection < 0, !key.dropsName { return Int(key.index) }
    return intern(key) { _ in true }
  }

  /// The number of the labels that pass `filter`.
  func intern(_ key: LabelKey, where filter: (LabelBytes) -> Bool) -> Int {
    scratch.removeAll()
    withLabels(key) { labels in
      for label in labels where filter(label) { scratch.append(label) }
    }
    return table.intern(scratch)
  }

  func intern(_ labels: LabelSet) -> LabelKey {
    scratch.removeAll()
    for label in labels.labels { scratch.append(label.name, label.value) }
    return .interned(table.intern(scratch))
  }

  func intern(bytes: UnsafeRawBufferPointer) -> LabelKey { .interned(table.intern(bytes)) }

  static let noLabels = LabelSet(sorted: [])
}

extension LabelBytes {
  /// Whether this is the metric's name, type or unit.
  var isMetadata: Bool {
    name.count == 8 && (name.isText("__name__") || name.isText("__type__") || name.isText("__unit__"))
  }

  /// Whether this is the metric's name.
  var isMetricName: Bool { name.isText("__name__") }
}

extension UnsafeRawBufferPointer {
  @inline(__always) func isText(_ text: StaticString) -> Bool {
    hasSameBytes(as: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }
}
