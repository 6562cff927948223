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
  private var selections: [any SeriesSelection] = []
  private var table = LabelTable()
  private var scratch = LabelScratch()

  func add(_ selection: any SeriesSelection) -> Int32 {
    selections.append(selection)
    return Int32(selections.count - 1)
  }

  /// Lends the labels to `body`.
  func withLabels<R>(_ key: LabelKey, _ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R {
    func pass(_ labels: UnsafeBufferPointer<LabelBytes>) -> R {
      guard key.dropsName, labels.contains(where: \.isMetadata) else { return body(labels) }
      return withUnsafeTemporaryAllocation(of: LabelBytes.self, capacity: labels.count) { kept in
        var count = 0
        for label in labels where !label.isMetadata {
          kept.initializeElement(at: count, to: label)
          count += 1
        }
        return body(UnsafeBufferPointer(rebasing: kept[..<count]))
      }
    }
    if key.selection < 0 { return table.withLabels(of: Int(key.index), pass) }
    return selections[Int(key.selection)].withLabels(of: Int(key.index), pass)
  }

  func labelSet(_ key: LabelKey) -> LabelSet { withLabels(key) { LabelSet(copying: $0) } }

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
