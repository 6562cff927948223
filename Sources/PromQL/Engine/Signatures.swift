internal import TimeSeries

/// Which labels of a series count: those in a list, or all but those in it. Names are compared byte by byte.
struct LabelFilter: Sendable {
  private let names: [[UInt8]]
  let keepsListed: Bool
  /// Leaves out `__name__` too; only where listed labels are left out.
  private let dropsMetricName: Bool
  private let dropsMetadata: Bool

  /// - Parameter dropsMetadata: leaves out name, type and unit, listed or not.
  init(_ names: [String], keepsListed: Bool, dropsMetricName: Bool = true, dropsMetadata: Bool = false) {
    self.names = names.map { Array($0.utf8) }
    self.keepsListed = keepsListed
    self.dropsMetricName = dropsMetricName
    self.dropsMetadata = dropsMetadata
  }

  static func matching(_ matching: VectorMatching) -> LabelFilter {
    LabelFilter(matching.labels, keepsListed: matching.on)
  }

  var keepsNothing: Bool { keepsListed && names.isEmpty }

  func callAsFunction(_ label: LabelBytes) -> Bool {
    if dropsMetadata, label.isMetadata { return false }
    let isListed = names.contains { name in name.withUnsafeBytes { label.name.hasSameBytes(as: $0) } }
    if keepsListed { return isListed }
    return !isListed && !(dropsMetricName && label.isMetricName)
  }
}

/// The series of several blocks sorted by the labels that count.
struct SignatureIndex {
  private var table = LabelTable()
  private var scratch = LabelScratch()

  var count: Int { table.count }

  /// The number of each series' signature.
  mutating func numbers(of keys: [LabelKey], _ filter: LabelFilter, _ store: LabelStore) -> [Int] {
    guard let groups = store.groups(of: keys, filter) else { return keys.map { number(of: $0, filter, store) } }
    let numbers = groups.firsts.map { number(of: keys[$0], filter, store) }
    return groups.groupOf.map { numbers[Int($0)] }
  }

  private mutating func number(of key: LabelKey, _ filter: LabelFilter, _ store: LabelStore) -> Int {
    scratch.removeAll()
    if !filter.keepsNothing {
      store.withLabels(key) { labels in
        for label in labels where filter(label) { scratch.append(label) }
      }
    }
    return table.intern(scratch)
  }

  func withBytes<R>(of number: Int, _ body: (UnsafeRawBufferPointer) -> R) -> R {
    table.withBytes(of: number, body)
  }
}

extension [Int] {
  /// The rows of each of `count` signatures, rows being the indices of this list of signatures.
  func rowsBySignature(_ count: Int) -> [[Int]] {
    var rows = [[Int]](repeating: [], count: count)
    for (row, signature) in enumerated() { rows[signature].append(row) }
    return rows
  }
}
