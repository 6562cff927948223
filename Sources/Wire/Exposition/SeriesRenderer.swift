internal import TimeSeries

/// Writes the part of a line that names the series. Remembers the last metric name, which seldom changes.
struct SeriesRenderer: ~Copyable {
  /// Where things came to lie within the text written; offsets into the writer.
  struct Shape {
    var start = 0
    /// The labels that a series has in common with the others of its histogram or summary, commas between them.
    var shared = 0..<0
    /// The value of `le` or `quantile`, which then stands last.
    var bound: Range<Int>?
    var end = 0
    /// A name was changed or a label left out, so that another series may look the same.
    var isAltered = false
  }

  let escaping: NameEscaping
  /// Appended to series that have no label of that name, in this order; values may be empty.
  let extra: [(name: [UInt8], text: [UInt8])]
  /// `le` or `quantile` while a histogram or summary is written, else empty.
  var boundName: [UInt8] {
    get { names.boundName }
    set { names.boundName = newValue }
  }
  /// The last metric name, escaped, and how often it has changed.
  private(set) var metricName = ""
  private(set) var metricNameChanges = 0
  private var rawName: [UInt8] = []
  private var nameText: [UInt8] = []
  private var isQuoted = false
  private var names = LabelNameCache()
  private(set) var labelsDropped = 0

  init(escaping: NameEscaping, extraLabels: [Label]) {
    self.escaping = escaping
    extra = extraLabels.map { label in
      var text = ByteWriter(capacity: 64)
      var value = label.value
      value.withUTF8 {
        Self.appendLabel(escaping.escape(labelName: label.name), UnsafeRawBufferPointer($0), to: &text)
      }
      return (Array(label.name.utf8), text.copy())
    }
  }

  /// What a first look at the labels of a series tells.
  struct Glance {
    var nameIndex = -1
    /// Negative when there is none, as for other indices.
    var boundIndex = -1
    /// Whether all label names can be printed as they are.
    var isPlain = true
  }

  /// `nil` when there is no metric name.
  mutating func look(at labels: UnsafeBufferPointer<LabelBytes>) -> Glance? {
    var glance = Glance()
    glance.isPlain = escaping != .dots
    for i in labels.indices {
      switch names.kind(of: labels[i].name, at: i) {
      case .plain: break
      case .metricName: glance.nameIndex = i
      case .bound: if !labels[i].value.isEmpty { glance.boundIndex = i }
      case .special: glance.isPlain = false
      }
    }
    guard glance.nameIndex >= 0, !labels[glance.nameIndex].value.isEmpty else { return nil }
    if !LabelText.equal(labels[glance.nameIndex].value, rawName) { remember(labels[glance.nameIndex].value) }
    return glance
  }

  /// Appends `name{labels}` to `out`.
  mutating func append(_ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter) -> Shape {
    glance.isPlain ? appendPlain(labels, glance, to: &out) : appendPrinted(labels, glance, to: &out)
  }

  /// The usual case: label names are printed as they are.
  private func appendPlain(_ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter)
    -> Shape
  {
    var shape = begin(&out)
    var isFirst = true
    for i in labels.indices where i != glance.nameIndex && i != glance.boundIndex {
      let value = labels[i].value
      if value.isEmpty { continue }
      names.append(labels[i].name, at: i, isFirst: isFirst, to: &out)
      isFirst = false
      LabelText.appendValue(value, to: &out)
    }
    if !isFirst { out.append(UInt8(ascii: "\"")) }
    finish(&shape, labels, glance, isFirst: isFirst, to: &out)
    return shape
  }

  /// Names that need quotes or escaping, or that readers reserve.
  private mutating func appendPrinted(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter
  ) -> Shape {
    var shape = begin(&out)
    var printed: [(name: String, value: UnsafeRawBufferPointer)] = []
    for (i, label) in labels.enumerated() where i != glance.nameIndex && i != glance.boundIndex {
      if label.value.isEmpty { continue }
      let name = String(decoding: label.name, as: UTF8.self)
      let escaped = escaping.escape(labelName: name)
      // Labels that begin with `__` are internal to Prometheus and refused by other readers. Dots double every
      // underscore, and whoever asks for them knows.
      let isReserved = (escaping == .dots ? name : escaped).utf8.starts(with: "__".utf8)
      if name.isEmpty || isReserved || printed.contains(where: { $0.name.hasSameBytes(as: escaped) }) {
        labelsDropped += 1
        shape.isAltered = true
        continue
      }
      if escaping != .allowUTF8, !escaped.hasSameBytes(as: name) { shape.isAltered = true }
      printed.append((escaped, label.value))
    }
    // In order again, so that series which escaping has made equal are equal byte for byte.
    printed.sort { $0.name.compareBytes(with: $1.name) < 0 }
    for (i, label) in printed.enumerated() {
      if i > 0 { out.append(UInt8(ascii: ",")) }
      Self.appendLabel(label.name, label.value, to: &out)
    }
    finish(&shape, labels, glance, isFirst: printed.isEmpty, to: &out)
    return shape
  }

  /// `name{`, or `{"name",` for one that needs quotes. Ends where the first label goes.
  private func begin(_ out: inout ByteWriter) -> Shape {
    var shape = Shape()
    shape.start = out.count
    out.append(nameText)
    // A comma may follow the last label in both formats' readers, but not lead; so the name brings its own.
    out.append(isQuoted ? UInt8(ascii: ",") : UInt8(ascii: "{"))
    shape.shared = out.count..<out.count
    return shape
  }

  /// The extra labels, the bound, and the closing brace if there was an opening one.
  private func finish(
    _ shape: inout Shape, _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, isFirst: Bool,
    to out: inout ByteWriter
  ) {
    var isFirst = isFirst
    if !extra.isEmpty {
      for label in extra where !labels.contains(where: { LabelText.equal($0.name, label.name) }) {
        if !isFirst { out.append(UInt8(ascii: ",")) }
        isFirst = false
        out.append(label.text)
      }
    }
    shape.shared = shape.shared.lowerBound..<out.count
    if glance.boundIndex >= 0 {
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      out.append(boundName)
      out.append(UInt8(ascii: "="))
      out.append(UInt8(ascii: "\""))
      let start = out.count
      LabelText.appendValue(labels[glance.boundIndex].value, to: &out)
      shape.bound = start..<out.count
      out.append(UInt8(ascii: "\""))
    }
    if isFirst { out.removeLast() }
    if !isFirst || isQuoted { out.append(UInt8(ascii: "}")) }
    shape.end = out.count
  }

  private mutating func remember(_ name: UnsafeRawBufferPointer) {
    metricNameChanges += 1
    rawName = Array(name)
    metricName = escaping.escape(metricName: String(decoding: name, as: UTF8.self))
    isQuoted = !metricName.isLegacyMetricName
    nameText = Array((isQuoted ? "{" + metricName.quotedForPrometheus : metricName).utf8)
  }

  private static func appendLabel(_ name: String, _ value: UnsafeRawBufferPointer, to out: inout ByteWriter) {
    appendLabelName(name, to: &out)
    out.append(UInt8(ascii: "="))
    out.append(UInt8(ascii: "\""))
    LabelText.appendValue(value, to: &out)
    out.append(UInt8(ascii: "\""))
  }

  private static func appendLabelName(_ name: String, to out: inout ByteWriter) {
    out.append(name.isLegacyLabelName ? name : name.quotedForPrometheus)
  }
}
