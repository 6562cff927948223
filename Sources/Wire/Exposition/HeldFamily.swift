internal import TimeSeries

/// A family whose samples are gathered before they go onto the page: those of a histogram or summary have to stand
/// together, and OpenMetrics has rules about values that only the whole family can be found to keep.
struct HeldFamily: ~Copyable {
  struct Line {
    let shape: SeriesRenderer.Shape
    /// Behind the line feed.
    let end: Int
    /// Index into `names`.
    let name: Int32
    /// Lines of one group have their labels in common, but for `le` and `quantile`.
    let group: Int32
    let part: FamilyPart
    /// Index into the bound table, negative when there is no bound.
    let bound: Int32
    let value: Double
    let timestamp: Int64?
  }

  private let format: ExpositionFormat
  private var family: MetricFamily?
  private var text = ByteWriter()
  private var lines: [Line] = []
  private var groups = GroupTable()
  private var bounds = BoundTable()
  /// The metric names met, and the part each one plays; `nil` for one that is none of this family's.
  private var names: [(name: String, part: FamilyPart?)] = []
  private var nameChanges = -1
  private var name = 0
  private var part = FamilyPart.bare
  /// Whether several samples make one metric.
  private var isGrouped = false
  private var isAltered = false
  /// What is to be written once the family is complete, the next one last.
  private var sections: [Section] = []

  /// Lines under one header.
  private struct Section {
    let name: String
    let type: MetricType
    let help: String?
    let order: [Int]
    var written = 0
  }

  init(format: ExpositionFormat) { self.format = format }

  static func isNeeded(for family: MetricFamily, in format: ExpositionFormat) -> Bool {
    switch family.type {
    case .histogram, .summary: true
    case .counter, .info: format == .openMetrics100
    case .gauge, .stateset, .gaugeHistogram, .unknown: false
    }
  }

  mutating func begin(_ family: MetricFamily) {
    self.family = family
    text.removeAll()
    lines.removeAll(keepingCapacity: true)
    groups.removeAll()
    bounds.removeAll()
    names.removeAll(keepingCapacity: true)
    nameChanges = -1
    isGrouped = family.metricNames.count > 1 || family.type == .histogram || family.type == .summary
    isAltered = false
  }

  mutating func append(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: SeriesRenderer.Glance, _ value: Double, _ timestamp: Int64?,
    _ series: inout SeriesRenderer, _ values: inout ValueRenderer
  ) {
    if series.metricNameChanges != nameChanges {
      nameChanges = series.metricNameChanges
      noteName(series.metricName)
      part = names[name].part ?? .bare
    }
    let shape = series.append(labels, glance, to: &text)
    values.append(value, timestamp, to: &text)
    isAltered = isAltered || shape.isAltered
    let group = isGrouped ? Self.group(of: shape, in: text, &groups) : 0
    let bound = shape.bound.map { Self.index(ofBound: $0, in: text, &bounds) } ?? -1
    lines.append(
      Line(
        shape: shape, end: text.count, name: Int32(name), group: Int32(group), part: part,
        bound: Int32(bound), value: value, timestamp: timestamp))
  }

  private static func group(of shape: SeriesRenderer.Shape, in text: borrowing ByteWriter, _ groups: inout GroupTable)
    -> Int
  {
    text.withBytes { groups.group(of: shape.shared, in: $0) }
  }

  private static func index(ofBound place: Range<Int>, in text: borrowing ByteWriter, _ bounds: inout BoundTable) -> Int
  {
    text.withBytes { bounds.index(of: UnsafeRawBufferPointer(rebasing: $0[place])) }
  }

  /// Decides how the family goes onto the page: in order under its type if the samples bear it out, else metric by
  /// metric without. `write` then does it.
  mutating func end(mayRepeat: Bool, _ tally: inout ExpositionTally) {
    guard let family, !lines.isEmpty else { return }
    self.family = nil
    let mayRepeat = mayRepeat || isAltered
    let order = written(mayRepeat: mayRepeat)
    if names.allSatisfy({ $0.part != nil }), accepts(order, as: family.type) {
      tally.duplicates += lines.count - order.count
      tally.samples += order.count
      sections = [Section(name: family.name, type: family.type, help: family.help, order: order)]
      return
    }
    tally.demote(family.name)
    sections = names.indices.reversed().map { i in
      let own = lines.indices.filter { lines[$0].name == i }
      let order = mayRepeat ? firsts(own) : own
      tally.duplicates += own.count - order.count
      tally.samples += order.count
      return Section(name: names[i].name, type: .unknown, help: family.help, order: order)
    }
  }

  /// Puts more of the family onto the page, until that has `bytesMax` bytes or a few more.
  /// - Returns: whether the family has been written.
  mutating func write(to page: inout ByteWriter, bytesMax: Int) -> Bool {
    while let section = sections.popLast() {
      if section.written == 0 {
        ExpositionWriter.appendHeader(section.name, section.type, section.help, format, to: &page)
      }
      let canonicalBounds = format == .openMetrics100 && section.type != .unknown
      let written = emit(section.order[section.written...], canonicalBounds, to: &page, bytesMax: bytesMax)
      if section.written + written < section.order.count {
        sections.append(section)
        sections[sections.count - 1].written += written
        return false
      }
    }
    return true
  }

  /// The lines in the order of the page, repeats left out. In OpenMetrics bounds are numbers: `le="1"` and `le="1.0"`,
  /// from scrapers of different age, are one bucket.
  private func written(mayRepeat: Bool) -> [Int] {
    guard isGrouped else { return mayRepeat ? firsts(Array(lines.indices)) : Array(lines.indices) }
    let order = groups.order(of: lines) { bounds.bounds[$0].value ?? .infinity }
    guard format == .openMetrics100 else { return mayRepeat ? firsts(order) : order }
    var kept: [Int] = []
    kept.reserveCapacity(order.count)
    for i in order {
      if let previous = kept.last, isSame(lines[previous], lines[i]) { continue }
      kept.append(i)
    }
    return kept
  }

  private func isSame(_ a: Line, _ b: Line) -> Bool {
    guard a.group == b.group, a.part == b.part else { return false }
    if a.bound == b.bound { return true }
    guard a.bound >= 0, b.bound >= 0, let x = value(ofBound: a), let y = value(ofBound: b) else { return false }
    return x == y
  }

  private func value(ofBound line: Line) -> Double? {
    line.bound < 0 ? nil : bounds.bounds[Int(line.bound)].value
  }

  private func accepts(_ order: [Int], as type: MetricType) -> Bool {
    let rules = FamilyRules(type: type, format: format)
    guard order.allSatisfy({ rules.accepts(lines[$0], bound: value(ofBound: lines[$0])) }) else { return false }
    if type == .info {
      // To validators all infos of a family are one group.
      return order.allSatisfy { (lines[$0].timestamp == nil) == (lines[order[0]].timestamp == nil) }
    }
    guard isGrouped, format == .openMetrics100 else { return true }
    var start = 0
    while start < order.count {
      let group = lines[order[start]].group
      let end = order[start...].firstIndex { lines[$0].group != group } ?? order.count
      let members = order[start..<end].map { (line: lines[$0], bound: value(ofBound: lines[$0])) }
      guard rules.accepts(group: members) else { return false }
      start = end
    }
    return true
  }

  /// Of lines that name the same series the first.
  private func firsts(_ order: [Int]) -> [Int] {
    var seen: Set<[UInt8]> = []
    return text.withBytes { bytes in
      order.filter { seen.insert(Array(bytes[lines[$0].shape.start..<lines[$0].shape.end])).inserted }
    }
  }

  /// - Returns: how many lines there was room for, at least one.
  private func emit(
    _ order: ArraySlice<Int>, _ canonicalBounds: Bool, to page: inout ByteWriter, bytesMax: Int
  ) -> Int {
    text.withBytes { bytes in
      for (count, i) in order.enumerated() {
        if count > 0, page.count >= bytesMax { return count }
        let line = lines[i]
        guard canonicalBounds, let place = line.shape.bound else {
          page.append(UnsafeRawBufferPointer(rebasing: bytes[line.shape.start..<line.end]))
          continue
        }
        page.append(UnsafeRawBufferPointer(rebasing: bytes[line.shape.start..<place.lowerBound]))
        page.append(bounds.bounds[Int(line.bound)].canonical)
        page.append(UnsafeRawBufferPointer(rebasing: bytes[place.upperBound..<line.end]))
      }
      return order.count
    }
  }

  /// Notes a metric name that has not been met, and its part in the family.
  private mutating func noteName(_ metricName: String) {
    if let known = names.firstIndex(where: { $0.name.hasSameBytes(as: metricName) }) {
      name = known
      return
    }
    let part = family.flatMap { family in
      family.type.parts(in: format).first { (family.name + $0.suffix).hasSameBytes(as: metricName) }
    }
    name = names.count
    names.append((metricName, part))
  }
}
