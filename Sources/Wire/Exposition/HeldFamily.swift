internal import TimeSeries

/// A family whose samples are gathered before they go onto the page: those of a histogram or summary have to stand
/// together, and OpenMetrics has rules about values that only the whole family can be found to keep.
///
/// What is held of a line are numbers: its text is put together when it goes onto the page, from the labels of its group,
/// which are held once, and its bound.
struct HeldFamily: ~Copyable {
  struct Line {
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
  /// The labels of each group, a comma behind each.
  private var text = ByteWriter()
  /// A bound, as text.
  private var bound = ByteWriter(capacity: 64)
  private var boundName: [UInt8] = []
  private var lines: [Line] = []
  private var groups = GroupTable()
  private var bounds = BoundTable()
  /// The metric names met, and the part each one plays; `nil` for one that is none of this family's.
  private var names: [(name: String, text: SeriesRenderer.NameText, part: FamilyPart?)] = []
  private var nameChanges = -1
  private var name = 0
  private var part = FamilyPart.bare
  private var group = 0
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
    boundName = family.type.boundLabel
  }

  mutating func append(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: SeriesRenderer.Glance, _ value: Double, _ timestamp: Int64?,
    _ series: inout SeriesRenderer
  ) {
    if series.metricNameChanges != nameChanges {
      nameChanges = series.metricNameChanges
      noteName(series)
      part = names[name].part ?? .bare
    }
    noteGroup(labels, glance, &series)
    lines.append(
      Line(
        name: Int32(name), group: Int32(group), part: part,
        bound: glance.boundIndex < 0 ? -1 : Int32(index(ofBound: labels[glance.boundIndex].value)), value: value,
        timestamp: timestamp))
  }

  /// Finds the group of a series, or begins it.
  private mutating func noteGroup(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: SeriesRenderer.Glance, _ series: inout SeriesRenderer
  ) {
    let start = text.count
    guard let isAltered = series.appendShared(labels, glance, to: &text) else { return }
    self.isAltered = self.isAltered || isAltered
    let known = groups.count
    group = Self.group(of: start..<text.count, in: text, &groups)
    guard group < known else { return }
    text.truncate(to: start)
    series.forgetText()
  }

  private static func group(of labels: Range<Int>, in text: borrowing ByteWriter, _ groups: inout GroupTable) -> Int {
    text.withBytes { groups.group(of: labels, in: $0) }
  }

  private mutating func index(ofBound value: UnsafeRawBufferPointer) -> Int {
    bound.removeAll()
    LabelText.appendValue(value, to: &bound)
    return Self.index(ofBound: bound, &bounds)
  }

  private static func index(ofBound text: borrowing ByteWriter, _ bounds: inout BoundTable) -> Int {
    text.withBytes { bounds.index(of: $0) }
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
  mutating func write(to page: inout ByteWriter, _ values: inout ValueRenderer, bytesMax: Int) -> Bool {
    while let section = sections.popLast() {
      if section.written == 0 {
        ExpositionWriter.appendHeader(section.name, section.type, section.help, format, to: &page)
      }
      let canonicalBounds = format == .openMetrics100 && section.type != .unknown
      let written = emit(section.order[section.written...], canonicalBounds, to: &page, &values, bytesMax: bytesMax)
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
    var seen: Set<[Int32]> = []
    return order.filter { seen.insert([lines[$0].name, lines[$0].group, lines[$0].bound]).inserted }
  }

  /// - Returns: how many lines there was room for, at least one.
  private func emit(
    _ order: ArraySlice<Int>, _ canonicalBounds: Bool, to page: inout ByteWriter, _ values: inout ValueRenderer,
    bytesMax: Int
  ) -> Int {
    text.withBytes { text in
      for (count, i) in order.enumerated() {
        if count > 0, page.count >= bytesMax { return count }
        let line = lines[i]
        let name = names[Int(line.name)].text
        let shared = groups.labels(of: Int(line.group))
        page.append(name.start)
        page.append(UnsafeRawBufferPointer(rebasing: text[shared]))
        if line.bound >= 0 {
          let bound = bounds.bounds[Int(line.bound)]
          page.append(boundName)
          page.append("=\"")
          page.append(canonicalBounds ? bound.canonical : bound.text)
          page.append("\",")
        }
        name.close(hasLabels: !shared.isEmpty || line.bound >= 0, &page)
        values.append(line.value, line.timestamp, to: &page)
      }
      return order.count
    }
  }

  /// Notes a metric name that has not been met, and its part in the family.
  private mutating func noteName(_ series: borrowing SeriesRenderer) {
    let metricName = series.metricName
    if let known = names.firstIndex(where: { $0.name.hasSameBytes(as: metricName) }) {
      name = known
      return
    }
    let part = family.flatMap { family in
      family.type.parts(in: format).first { (family.name + $0.suffix).hasSameBytes(as: metricName) }
    }
    name = names.count
    names.append((metricName, series.name, part))
  }
}
