internal import TimeSeries

/// Attaches a target's labels to the series of its page (`prometheus/prometheus: scrape/scrape.go`, `mutateSampleLabels`).
struct TargetLabels {
  private let labels: [(name: [UInt8], value: [UInt8])]
  private let honorsPage: Bool

  /// - Parameter labels: those of the target, `job` and `instance` among them.
  init(_ labels: LabelSet, honorLabels: Bool) {
    self.labels = labels.labels.map { (Array($0.name.utf8), Array($0.value.utf8)) }
    honorsPage = honorLabels
  }

  /// - Parameter page: sorted by name, no repeats. An empty value counts only with `honorLabels`, where it keeps the
  ///   target's label away.
  func series(_ page: UnsafeBufferPointer<LabelBytes>) -> ScrapedSeries {
    honorsPage ? honoring(page) : renaming(page)
  }

  /// A series of the scraper's own: the target's labels and a name.
  func series(named name: StaticString) -> ScrapedSeries {
    let label = LabelBytes(
      name: Self.bytes("__name__"),
      value: UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    return withUnsafePointer(to: label) { label in
      lend { lent in Self.make(lent + [label.pointee]) }
    }
  }

  private func honoring(_ page: UnsafeBufferPointer<LabelBytes>) -> ScrapedSeries {
    lend { lent in
      let attached = lent.filter { label in !page.contains { $0.name.elementsEqual(label.name) } }
      return Self.make(page.filter { !$0.value.isEmpty } + attached)
    }
  }

  private func renaming(_ page: UnsafeBufferPointer<LabelBytes>) -> ScrapedSeries {
    lend { lent in
      var kept: [LabelBytes] = []
      var clashing: [LabelBytes] = []
      for label in page where !label.value.isEmpty {
        if lent.contains(where: { $0.name.elementsEqual(label.name) }) {
          clashing.append(label)
        } else {
          kept.append(label)
        }
      }
      kept += lent
      guard !clashing.isEmpty else { return Self.make(kept) }
      // The shortest names first, so that `a` takes `exported_a` before an `exported_a` of the page needs another.
      clashing.sort { $0.name.count < $1.name.count }
      var taken = Set(kept.map { Array($0.name) })
      var renamed: [(name: [UInt8], value: UnsafeRawBufferPointer)] = []
      for label in clashing {
        var name = Array(label.name)
        repeat { name = Array("exported_".utf8) + name } while !taken.insert(name).inserted
        renamed.append((name, label.value))
      }
      return Self.lend(renamed.map(\.name)) { names in
        Self.make(kept + zip(names, renamed).map { LabelBytes(name: $0, value: $1.value) })
      }
    }
  }

  private static func make(_ labels: [LabelBytes]) -> ScrapedSeries {
    labels.sorted { $0.name.lexicographicallyPrecedes($1.name) }.withUnsafeBufferPointer { ScrapedSeries($0) }
  }

  private static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  private func lend<R>(_ body: ([LabelBytes]) -> R) -> R {
    Self.lend(labels.flatMap { [$0.name, $0.value] }) { texts in
      body(stride(from: 0, to: texts.count, by: 2).map { LabelBytes(name: texts[$0], value: texts[$0 + 1]) })
    }
  }

  /// Lends several texts at once.
  private static func lend<R>(_ texts: [[UInt8]], _ body: ([UnsafeRawBufferPointer]) -> R) -> R {
    let joined = texts.flatMap { $0 }
    return joined.withUnsafeBytes { joined in
      var start = 0
      return body(
        texts.map { text in
          defer { start += text.count }
          return UnsafeRawBufferPointer(rebasing: joined[start..<start + text.count])
        })
    }
  }
}
