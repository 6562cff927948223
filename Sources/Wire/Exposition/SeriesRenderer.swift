internal import TimeSeries

/// Writes the part of a line that names the series. Remembers the last metric name, which seldom changes.
struct SeriesRenderer {
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
  var boundName: [UInt8] = []
  /// The last metric name, escaped, and how often it has changed.
  private(set) var metricName = ""
  private(set) var metricNameChanges = 0
  private var rawName: [UInt8] = []
  private var nameText: [UInt8] = []
  private var isQuoted = false
  private(set) var labelsDropped = 0

  init(escaping: NameEscaping, extraLabels: [Label]) {
    self.escaping = escaping
    extra = extraLabels.map { label in
      var text = ByteWriter(capacity: 64)
      Self.appendLabelName(escaping.escape(labelName: label.name), to: &text)
      text.append("=\"")
      var value = label.value
      value.withUTF8 { LabelText.appendValue(UnsafeRawBufferPointer($0), to: &text) }
      text.append("\"")
      return (Array(label.name.utf8), text.copy())
    }
  }

  /// What a first look at the labels of a series tells.
  struct Glance {
    var nameIndex: Int
    /// Whether all label names can be printed as they are.
    var isPlain: Bool
  }

  /// `nil` when there is no metric name.
  mutating func look(at labels: UnsafeBufferPointer<LabelBytes>) -> Glance? {
    var nameIndex = -1
    var isPlain = escaping != .dots
    for (i, label) in labels.enumerated() {
      if isMetricName(label.name) {
        nameIndex = i
      } else if !LabelText.isPlainName(label.name) {
        isPlain = false
      }
    }
    guard nameIndex >= 0, !labels[nameIndex].value.isEmpty else { return nil }
    if !LabelText.equal(labels[nameIndex].value, rawName) { remember(labels[nameIndex].value) }
    return Glance(nameIndex: nameIndex, isPlain: isPlain)
  }

  /// Appends `name{labels}` to `out`.
  mutating func append(_ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter) -> Shape {
    glance.isPlain
      ? appendPlain(labels, glance.nameIndex, to: &out) : appendPrinted(labels, glance.nameIndex, to: &out)
  }

  /// The usual case: label names are printed as they are.
  private func appendPlain(_ labels: UnsafeBufferPointer<LabelBytes>, _ nameIndex: Int, to out: inout ByteWriter)
    -> Shape
  {
    var shape = begin(&out)
    var bound = -1
    var isFirst = true
    for (i, label) in labels.enumerated() where i != nameIndex && !label.value.isEmpty {
      if !boundName.isEmpty, LabelText.equal(label.name, boundName) {
        bound = i
        continue
      }
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      out.append(label.name)
      out.append("=\"")
      LabelText.appendValue(label.value, to: &out)
      out.append(UInt8(ascii: "\""))
    }
    for label in extra where !labels.contains(where: { LabelText.equal($0.name, label.name) }) {
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      out.append(label.text)
    }
    finish(&shape, bound: bound < 0 ? nil : labels[bound].value, to: &out)
    return shape
  }

  /// Names that need quotes or escaping, or that readers reserve.
  private mutating func appendPrinted(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ nameIndex: Int, to out: inout ByteWriter
  ) -> Shape {
    var shape = begin(&out)
    var printed: [(name: String, value: UnsafeRawBufferPointer)] = []
    var bound: UnsafeRawBufferPointer?
    for (i, label) in labels.enumerated() where i != nameIndex && !label.value.isEmpty {
      if !boundName.isEmpty, LabelText.equal(label.name, boundName) {
        bound = label.value
        continue
      }
      let name = String(decoding: label.name, as: UTF8.self)
      let escaped = escaping.escape(labelName: name)
      // Labels that begin with `__` are internal to Prometheus and refused by other readers.
      if name.isEmpty || name.utf8.starts(with: "__".utf8)
        || printed.contains(where: { $0.name.hasSameBytes(as: escaped) })
      {
        labelsDropped += 1
        shape.isAltered = true
        continue
      }
      if escaping != .allowUTF8, !escaped.hasSameBytes(as: name) { shape.isAltered = true }
      printed.append((escaped, label.value))
    }
    // In order again, so that series which escaping has made equal are equal byte for byte.
    printed.sort { $0.name.compareBytes(with: $1.name) < 0 }
    var isFirst = true
    for label in printed {
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      Self.appendLabelName(label.name, to: &out)
      out.append("=\"")
      LabelText.appendValue(label.value, to: &out)
      out.append(UInt8(ascii: "\""))
    }
    for label in extra where !labels.contains(where: { LabelText.equal($0.name, label.name) }) {
      if !isFirst { out.append(UInt8(ascii: ",")) }
      isFirst = false
      out.append(label.text)
    }
    finish(&shape, bound: bound, to: &out)
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

  /// The bound, and the closing brace if there was an opening one.
  private func finish(_ shape: inout Shape, bound: UnsafeRawBufferPointer?, to out: inout ByteWriter) {
    shape.shared = shape.shared.lowerBound..<out.count
    if let bound {
      if !shape.shared.isEmpty { out.append(UInt8(ascii: ",")) }
      out.append(boundName)
      out.append("=\"")
      let start = out.count
      LabelText.appendValue(bound, to: &out)
      shape.bound = start..<out.count
      out.append(UInt8(ascii: "\""))
    }
    let hasLabels = bound != nil || !shape.shared.isEmpty
    if !hasLabels { out.removeLast() }
    if hasLabels || isQuoted { out.append(UInt8(ascii: "}")) }
    shape.end = out.count
  }

  private mutating func remember(_ name: UnsafeRawBufferPointer) {
    metricNameChanges += 1
    rawName = Array(name)
    metricName = escaping.escape(metricName: String(decoding: name, as: UTF8.self))
    isQuoted = !metricName.isLegacyMetricName
    nameText = Array((isQuoted ? "{" + metricName.quotedForPrometheus : metricName).utf8)
  }

  static func appendLabelName(_ name: String, to out: inout ByteWriter) {
    out.append(name.isLegacyLabelName ? name : name.quotedForPrometheus)
  }

  /// `__name__`, compared as one word.
  private func isMetricName(_ name: UnsafeRawBufferPointer) -> Bool {
    name.count == 8 && name.loadUnaligned(as: UInt64.self) == 0x5f5f_656d_616e_5f5f
  }
}
