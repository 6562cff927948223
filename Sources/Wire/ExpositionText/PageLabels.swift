internal import Glibc
internal import TimeSeries

/// The labels of one series while they are read and put in order: memory that is used again and again.
struct PageLabels: ~Copyable {
  /// A text on the page, without its quotes.
  struct Piece {
    var start: Int
    var count: Int
    var isEscaped = false
  }

  private let names: UnsafeMutablePointer<Piece>
  private let values: UnsafeMutablePointer<Piece>
  private let labels: UnsafeMutablePointer<LabelBytes>
  /// How many there may be beside the metric name.
  let limit: Int
  private(set) var count = 0
  /// Texts that are not on the page as they are meant.
  private var scratch: UnsafeMutablePointer<UInt8>
  private var scratchCapacity = 1024
  private var scratchCount = 0

  init(limit: Int) {
    self.limit = max(limit, 0)
    names = .allocate(capacity: self.limit + 1)
    values = .allocate(capacity: self.limit + 1)
    labels = .allocate(capacity: self.limit + 1)
    scratch = .allocate(capacity: scratchCapacity)
  }

  deinit {
    names.deallocate()
    values.deallocate()
    labels.deallocate()
    scratch.deallocate()
  }

  /// In order, once `resolve` has found no fault.
  var lent: UnsafeBufferPointer<LabelBytes> { UnsafeBufferPointer(start: labels, count: count) }

  mutating func removeAll() { count = 0 }

  /// - Precondition: there are fewer than the limit.
  mutating func append(_ name: Piece, _ value: Piece) {
    precondition(count < limit, "more than \(limit) labels")
    names[count] = name
    values[count] = value
    count += 1
  }

  private static let metricName: StaticString = "__name__"

  /// Undoes escapes, adds the metric name and sorts.
  /// - Parameters:
  ///   - bound: the label whose numbers are written anew as OpenMetrics wants them (`1.0`), as Prometheus 3 does, so that
  ///     a bucket is the same one whatever its source calls it. Empty for none.
  /// - Returns: what is wrong with them.
  mutating func resolve(_ page: PageText, metricName: Piece, bound: StaticString) -> ExpositionError.Problem? {
    makeRoom(metricName)
    for i in 0..<count {
      let name = text(names[i], page)
      var value = text(values[i], page)
      guard name.count > 0 else { return .emptyLabelName }
      guard UTF8Text.isValid(name) else { return .notUTF8("a label name") }
      guard UTF8Text.isValid(value) else { return .notUTF8("the value of the label \(PageText.excerpt(name))") }
      if bound.utf8CodeUnitCount > 0, name.elementsEqual(PageLabels.bytes(bound)) { value = canonical(value) }
      labels[i] = LabelBytes(name: name, value: value)
    }
    let name = text(metricName, page)
    guard name.count > 0 else { return .noMetricName }
    guard UTF8Text.isValid(name) else { return .notUTF8("the metric name") }
    labels[count] = LabelBytes(name: PageLabels.bytes(PageLabels.metricName), value: name)
    count += 1
    sort()
    for i in 1..<count where PageLabels.compare(labels[i - 1].name, labels[i].name) == 0 {
      return .duplicateLabel(String(decoding: labels[i].name, as: UTF8.self))
    }
    return nil
  }

  // MARK: Texts

  /// Room for all that will not stay as it is: nothing grows when it is undone, but for numbers that are written anew.
  private mutating func makeRoom(_ metricName: Piece) {
    scratchCount = 0
    var needed = metricName.isEscaped ? metricName.count : 0
    for i in 0..<count {
      needed += names[i].isEscaped ? names[i].count : 0
      needed += values[i].isEscaped ? values[i].count : 0
    }
    needed += 2 * FloatText.lengthMax
    guard needed > scratchCapacity else { return }
    scratch.deallocate()
    scratchCapacity = needed * 2
    scratch = .allocate(capacity: scratchCapacity)
  }

  private mutating func text(_ piece: Piece, _ page: PageText) -> UnsafeRawBufferPointer {
    let raw = page.bytes(piece.start..<piece.start + piece.count)
    guard piece.isEscaped else { return raw }
    let target = scratch + scratchCount
    let written = PageLabels.unescape(raw, quotes: true, to: target)
    scratchCount += written
    return UnsafeRawBufferPointer(start: target, count: written)
  }

  /// Undoes escapes: backslashes, line feeds, and double quotes if they are among them. Others stay as they are.
  /// - Parameter target: with room for as many bytes as there are.
  static func unescape(_ text: UnsafeRawBufferPointer, quotes: Bool, to target: UnsafeMutablePointer<UInt8>) -> Int {
    var (read, written) = (0, 0)
    while read < text.count {
      var byte = text[read]
      if byte == UInt8(ascii: "\\"), read + 1 < text.count {
        let next = text[read + 1]
        let isEscape = next == UInt8(ascii: "\\") || next == UInt8(ascii: "n") || (quotes && next == UInt8(ascii: "\""))
        if isEscape {
          byte = next == UInt8(ascii: "n") ? PageText.lineFeed : next
          read += 1
        }
      }
      target[written] = byte
      read += 1
      written += 1
    }
    return written
  }

  /// A bound as OpenMetrics wants it; as it is if it is no number. One label of a series is a bound, or two if they
  /// repeat each other, which is found later.
  private mutating func canonical(_ value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer {
    guard let number = PageNumber.value(value), scratchCapacity - scratchCount >= FloatText.lengthMax else {
      return value
    }
    let target = scratch + scratchCount
    var written = FloatText.write(number == 0 ? 0 : number, .exposition, to: target)
    let isWhole = UnsafeBufferPointer(start: target, count: written).allSatisfy {
      $0 &- 48 < 10 || $0 == UInt8(ascii: "-")
    }
    if isWhole {
      target[written] = UInt8(ascii: ".")
      target[written + 1] = UInt8(ascii: "0")
      written += 2
    }
    scratchCount += written
    return UnsafeRawBufferPointer(start: target, count: written)
  }

  private static func bytes(_ text: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }

  // MARK: Order

  /// By insertion: a few dozen at most, and nearly in order.
  private func sort() {
    for i in 1..<max(count, 1) {
      let label = labels[i]
      var place = i
      while place > 0, PageLabels.compare(labels[place - 1].name, label.name) > 0 {
        labels[place] = labels[place - 1]
        place -= 1
      }
      labels[place] = label
    }
  }

  @inline(__always)
  private static func compare(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Int {
    guard let x = a.baseAddress, let y = b.baseAddress else { return a.count - b.count }
    let order = Int(memcmp(x, y, min(a.count, b.count)))
    return order == 0 ? a.count - b.count : order
  }
}
