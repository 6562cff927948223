internal import Configuration
internal import TimeSeries

/// What becomes of a series' labels on their way out: the task's own are attached, and where a name is taken, by one of
/// those or by the format itself, the sender's label moves to `exported_…`, the prefix repeated until it is free, as
/// Prometheus does when it scrapes (`scrape/target.go`).
struct Labelling: Sendable {
  private let lines: [(name: [UInt8], value: [UInt8])]
  private static let reserved = [Array("value".utf8), Array("timestamp".utf8)]

  init(_ lines: [LabelLine]) {
    self.lines = lines.map { (Array($0.name.utf8), Array($0.value.utf8)) }
  }

  /// Lends the labels to deliver, sorted by name, each name once.
  /// - Parameters:
  ///   - labels: sorted by name, no repeats, no empty values.
  ///   - body: gets also how many labels gave way to the format's own names.
  func withLabels<R>(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ body: (UnsafeBufferPointer<LabelBytes>, Int) -> R
  ) -> R {
    let moved = labels.indices.filter { isTaken(labels[$0].name) }
    if lines.isEmpty, moved.isEmpty { return body(labels, 0) }

    var names = Set(Self.reserved + lines.map(\.name))
    for (i, label) in labels.enumerated() where !moved.contains(i) { names.insert(Array(label.name)) }
    var reservedNames = 0
    // Bytes that live nowhere else, and which of them a label takes for its name, and maybe for its value.
    var text: [UInt8] = []
    var made: [(name: Range<Int>, value: Range<Int>?, sender: Int)] = []
    for i in moved {
      var name = Array(labels[i].name)
      if Self.reserved.contains(name) { reservedNames += 1 }
      repeat { name = Array("exported_".utf8) + name } while !names.insert(name).inserted
      text += name
      made.append((text.count - name.count..<text.count, nil, i))
    }
    for line in lines {
      text += line.name
      text += line.value
      let start = text.count - line.value.count
      made.append((start - line.name.count..<start, start..<text.count, 0))
    }
    return text.withUnsafeBytes { text in
      func bytes(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: text[range]) }
      var all = labels.indices.filter { !moved.contains($0) }.map { labels[$0] }
      all += made.map { LabelBytes(name: bytes($0.name), value: $0.value.map(bytes) ?? labels[$0.sender].value) }
      all.sort { $0.name.lexicographicallyPrecedes($1.name) }
      return all.withUnsafeBufferPointer { body($0, reservedNames) }
    }
  }

  private func isTaken(_ name: UnsafeRawBufferPointer) -> Bool {
    lines.contains { name.elementsEqual($0.name) } || Self.reserved.contains { name.elementsEqual($0) }
  }
}
