import Testing
import TimeSeries

@testable import Wire

/// Series whose labels are told apart from their neighbours' look the same as those of which nothing is known.
@Suite struct SeriesChangesTests {
  /// Values and names of every kind: plain, to be escaped, reserved, quoted, `le`, absent.
  private static let names = ["__name__", "__meta", "a", "b.c", "instance", "le", "z", "zz"]
  private static let values = ["", "1", "0.5", "a \"quoted\" value", "plain", "ä", "+Inf"]

  private static func labelSet(_ generator: inout some RandomNumberGenerator, _ metric: String) -> LabelSet {
    var labels = [Label("__name__", metric)]
    for name in names.dropFirst() where Bool.random(using: &generator) {
      if name == "__meta" || name == "b.c", Int.random(in: 0..<4, using: &generator) > 0 { continue }
      let value = values.randomElement(using: &generator) ?? ""
      if !value.isEmpty { labels.append(Label(name, value)) }
    }
    return LabelSet(labels)
  }

  /// The changes from one label set to the next, as the buffer would tell them.
  private static func changes(_ before: LabelSet?, _ next: LabelSet) -> LabelChanges {
    var changes = LabelChanges.all
    for (place, label) in next.labels.enumerated() {
      if let before, place < before.labels.count, before.labels[place] == label { changes.remove(place) }
    }
    return changes
  }

  private static let dialects: [ExpositionDialect] = [ExpositionFormat.text004, .openMetrics100].flatMap { format in
    NameEscaping.allCases.map { ExpositionDialect(format: format, escaping: $0) }
  }

  @Test(arguments: dialects, [[], [Label("instance", "")]])
  func `what is known of changes leaves a page as it is`(dialect: ExpositionDialect, extra: [Label]) {
    for seed in 1...40 as ClosedRange<UInt64> {
      var generator = SplitMix64(seed: seed)
      let metrics = ["requests_bucket", "requests_count", "requests_sum", "up", "with.dot", "jobs_total"]
      let plan = FamilyPlan(metricNames: metrics, dialect: dialect)
      var known = ExpositionWriter(dialect, extraLabels: extra)
      var unknown = ExpositionWriter(dialect, extraLabels: extra)
      var parts = ""
      for family in plan.families {
        known.start(family)
        unknown.start(family)
        for metric in family.metricNames {
          var before: LabelSet?
          for _ in 0..<12 {
            let labels = Self.labelSet(&generator, metric)
            let value: Double = [1, 2, 0.5, StaleMarker.value].randomElement(using: &generator) ?? 0
            let time: Int64? = [nil, 1000, -1].randomElement(using: &generator) ?? nil
            let changes = Self.changes(before, labels)
            labels.withLabelBytes {
              known.sample(labels: $0, changes: changes, value: value, timestamp: time)
              unknown.sample(labels: $0, value: value, timestamp: time)
            }
            before = labels
            if Int.random(in: 0..<5, using: &generator) == 0 {
              parts += known.drain { String(decoding: $0, as: UTF8.self) }
            }
          }
        }
      }
      known.finish()
      unknown.finish()
      parts += known.drain { String(decoding: $0, as: UTF8.self) }
      #expect(parts == String(decoding: unknown.copy(), as: UTF8.self), "seed \(seed)")
      #expect(known.tally == unknown.tally, "seed \(seed)")
    }
  }
}
