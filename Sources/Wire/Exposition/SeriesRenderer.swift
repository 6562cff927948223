internal import TimeSeries

/// Writes the part of a line that names the series. Remembers the last metric name, which seldom changes.
struct SeriesRenderer: ~Copyable {
  let escaping: NameEscaping
  /// Appended to series that have no label of that name, in this order; values may be empty.
  let extra: [(name: [UInt8], text: [UInt8])]
  /// `le` or `quantile` while a histogram or summary is written, else empty.
  var boundName: [UInt8] {
    get { names.boundName }
    set {
      names.boundName = newValue
      skip(.all)
      appended.count = -1  // labels of another family are not those that were appended last
    }
  }
  /// The last metric name, escaped, and how often it has changed.
  private(set) var metricName = ""
  private(set) var metricNameChanges = 0
  private var rawName: [UInt8] = []
  private(set) var name = NameText()
  private var names = LabelNameCache()
  private var places = LabelPlaces()
  private(set) var labelsDropped = 0
  /// The last series looked at, so that only what has changed need be looked at, and what has changed since unseen.
  private var last = Glance()
  private var changesUnseen = LabelChanges.all
  /// What has changed since the text that stands where it was appended to.
  private var changesPending = LabelChanges.all
  /// What has changed since the last series that was appended, wherever its text is now, and what that one was.
  private var changesSinceAppended = LabelChanges.all
  private var appended = (count: -1, nameIndex: -1, boundIndex: -1)
  /// The extra labels of series with the names of that state of `names`, as text.
  private var extraText: [UInt8] = []
  private var extraState = (changes: -1, count: -1)

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

  /// A metric's name as the beginning of a line.
  struct NameText {
    /// `name{`, or `{"name",` for one that needs quotes.
    fileprivate(set) var start: [UInt8] = []
    fileprivate(set) var isQuoted = false

    /// Puts a brace behind the labels, a comma behind the last of them; a name without labels has no braces.
    func close(hasLabels: Bool, _ out: inout ByteWriter) {
      out.removeLast()  // a comma, or the brace
      if hasLabels || isQuoted { out.append(UInt8(ascii: "}")) }
    }
  }

  /// What a first look at the labels of a series tells. Bits stand for places, from the lowest on.
  struct Glance {
    /// The label that is the metric's name.
    fileprivate(set) var nameIndex = -1
    /// Negative when there is none, as for other indices.
    fileprivate(set) var boundIndex = -1
    /// Whether all label names can be printed as they are.
    fileprivate(set) var isPlain = true
    fileprivate var names: UInt64 = 0
    fileprivate var bounds: UInt64 = 0
    fileprivate var specials: UInt64 = 0
  }

  /// Takes note of a series that need not be looked at; `all` when the next one goes elsewhere.
  mutating func skip(_ changes: LabelChanges) { changesUnseen.formUnion(changes) }

  /// The text of the last series is gone from where it was appended to.
  mutating func forgetText() { changesPending = .all }

  /// - Parameter changes: since the last series that was looked at.
  /// - Returns: `nil` when there is no metric name.
  mutating func look(at labels: UnsafeBufferPointer<LabelBytes>, _ changes: LabelChanges) -> Glance? {
    var changes = changes
    changes.formUnion(changesUnseen)
    changesUnseen = .none
    changesPending.formUnion(changes)
    changesSinceAppended.formUnion(changes)
    guard labels.count <= 64 else { return lookAtMany(labels) }
    for i in labels.indices where changes.contains(i) {
      let bit: UInt64 = 1 << UInt64(i)
      last.names &= ~bit
      last.bounds &= ~bit
      last.specials &= ~bit
      switch names.kind(of: labels[i].name, at: i) {
      case .plain: break
      case .metricName: last.names |= bit
      case .bound: if !labels[i].value.isEmpty { last.bounds |= bit }
      case .special: last.specials |= bit
      }
    }
    let present = labels.count == 64 ? UInt64.max : 1 << UInt64(labels.count) &- 1
    last.isPlain = escaping != .dots && last.specials & present == 0
    guard last.names & present != 0 else { return nil }
    last.nameIndex = last.names.trailingZeroBitCount
    last.boundIndex = last.bounds & present == 0 ? -1 : last.bounds.trailingZeroBitCount
    return noteName(last, labels)
  }

  /// More labels than there are bits: printed the long way.
  private mutating func lookAtMany(_ labels: UnsafeBufferPointer<LabelBytes>) -> Glance? {
    var glance = Glance()
    glance.isPlain = false
    for i in labels.indices {
      switch names.kind(of: labels[i].name, at: i) {
      case .metricName: glance.nameIndex = i
      case .bound: if !labels[i].value.isEmpty { glance.boundIndex = i }
      case .plain, .special: break
      }
    }
    changesUnseen = .all
    return glance.nameIndex < 0 ? nil : noteName(glance, labels)
  }

  private mutating func noteName(_ glance: Glance, _ labels: UnsafeBufferPointer<LabelBytes>) -> Glance? {
    let name = labels[glance.nameIndex].value
    guard !name.isEmpty else { return nil }
    if !LabelText.equal(name, rawName) { remember(name) }
    return glance
  }

  /// Appends `name{labels}` to `out`.
  mutating func append(_ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter) {
    out.append(name.start)
    let start = out.count
    _ = appendLabels(labels, glance, to: &out)
    name.close(hasLabels: out.count > start, &out)
  }

  /// Appends the labels but for `le` and `quantile`, a comma behind each.
  /// - Returns: whether a name was changed or a label left out, so that another series may look the same; `nil` when they
  ///   are the labels that were appended last, and nothing is appended.
  mutating func appendShared(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter
  ) -> Bool? {
    var changes = changesSinceAppended
    if glance.boundIndex >= 0 { changes.remove(glance.boundIndex) }
    changes.remove(glance.nameIndex)
    let isLast = glance.isPlain && appended == (labels.count, glance.nameIndex, glance.boundIndex)
    if isLast, !changes.containsAny(below: labels.count) { return nil }
    return appendLabels(labels, glance, to: &out)
  }

  /// The labels, then those that are extra, a comma behind each.
  /// - Returns: whether a name was changed or a label left out.
  private mutating func appendLabels(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter
  ) -> Bool {
    let isAltered = glance.isPlain ? false : appendPrinted(labels, glance, to: &out)
    if glance.isPlain { appendPlain(labels, glance, to: &out) }
    if !extra.isEmpty { appendExtra(labels, to: &out) }
    return isAltered
  }

  /// The usual case: label names are printed as they are.
  private mutating func appendPlain(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter
  ) {
    places.append(labels.count, changesPending, separator: UInt8(ascii: ","), to: &out) { i, out in
      let label = labels[i]
      if i == glance.nameIndex || i == glance.boundIndex || label.value.isEmpty { return }
      out.append(label.name)
      out.append("=\"")
      LabelText.appendValue(label.value, to: &out)
      out.append(UInt8(ascii: "\""))
    }
    changesPending = .none
    changesSinceAppended = .none
    appended = (labels.count, glance.nameIndex, glance.boundIndex)
  }

  /// Names that need quotes or escaping, or that readers reserve.
  private mutating func appendPrinted(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ glance: Glance, to out: inout ByteWriter
  ) -> Bool {
    var isAltered = false
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
        isAltered = true
        continue
      }
      if escaping != .allowUTF8, !escaped.hasSameBytes(as: name) { isAltered = true }
      printed.append((escaped, label.value))
    }
    // In order again, so that series which escaping has made equal are equal byte for byte.
    printed.sort { $0.name.compareBytes(with: $1.name) < 0 }
    for label in printed { Self.appendLabel(label.name, label.value, to: &out) }
    forgetText()
    changesSinceAppended = .all
    return isAltered
  }

  private mutating func appendExtra(_ labels: UnsafeBufferPointer<LabelBytes>, to out: inout ByteWriter) {
    if extraState != (names.changes, labels.count) {
      extraState = (names.changes, labels.count)
      extraText = extra.flatMap { label in
        labels.contains { LabelText.equal($0.name, label.name) } ? [] : label.text
      }
    }
    out.append(extraText)
  }

  private mutating func remember(_ name: UnsafeRawBufferPointer) {
    metricNameChanges += 1
    rawName = Array(name)
    metricName = escaping.escape(metricName: String(decoding: name, as: UTF8.self))
    self.name.isQuoted = !metricName.isLegacyMetricName
    // What follows brings a comma behind it, so does a name in braces.
    self.name.start = Array((self.name.isQuoted ? "{" + metricName.quotedForPrometheus + "," : metricName + "{").utf8)
  }

  private static func appendLabel(_ name: String, _ value: UnsafeRawBufferPointer, to out: inout ByteWriter) {
    appendLabelName(name, to: &out)
    out.append(UInt8(ascii: "="))
    out.append(UInt8(ascii: "\""))
    LabelText.appendValue(value, to: &out)
    out.append("\",")
  }

  private static func appendLabelName(_ name: String, to out: inout ByteWriter) {
    out.append(name.isLegacyLabelName ? name : name.quotedForPrometheus)
  }
}
