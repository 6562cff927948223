internal import Glibc
internal import TimeSeries

/// What label names come to on a page, by their place in the series: from one series to the next they are mostly the
/// same. Sparing the closer look and appending `",name="` in one go made a page of 100,000 series twice as fast.
struct LabelNameCache: ~Copyable {
  enum Kind {
    /// `__name__`.
    case metricName
    /// `le` or `quantile`, while it means something.
    case bound
    /// Printed as it is.
    case plain
    /// In need of quotes, escaping or omission.
    case special
  }

  private static let places = 64
  private static let width = 64
  private static let nameMax = width - 4

  /// For each place the text `",name="`, the quote before the comma being that of the label before.
  private let texts = UnsafeMutablePointer<UInt8>.allocate(capacity: places * width)
  /// The length of the name, 0 when none is known.
  private let counts = UnsafeMutablePointer<Int>.allocate(capacity: places)
  private let kinds = UnsafeMutablePointer<Kind>.allocate(capacity: places)
  /// Empty while neither `le` nor `quantile` means anything.
  var boundName: [UInt8] = [] {
    didSet { if boundName != oldValue { counts.update(repeating: 0, count: Self.places) } }
  }

  init() {
    texts.initialize(repeating: 0, count: Self.places * Self.width)
    counts.initialize(repeating: 0, count: Self.places)
    kinds.initialize(repeating: .plain, count: Self.places)
  }

  deinit {
    texts.deallocate()
    counts.deallocate()
    kinds.deallocate()
  }

  /// What the label `name` at `place` in its series is. Remembered, if name and place are small enough.
  func kind(of name: UnsafeRawBufferPointer, at place: Int) -> Kind {
    guard let start = name.baseAddress, !name.isEmpty else { return .special }
    guard isRemembered(name, at: place) else { return classify(name) }
    let text = texts + place &* Self.width
    if counts[place] == name.count, memcmp(text + 2, start, name.count) == 0 { return kinds[place] }
    text[0] = UInt8(ascii: "\"")
    text[1] = UInt8(ascii: ",")
    memcpy(text + 2, start, name.count)
    text[name.count + 2] = UInt8(ascii: "=")
    text[name.count + 3] = UInt8(ascii: "\"")
    counts[place] = name.count
    kinds[place] = classify(name)
    return kinds[place]
  }

  /// Appends `name="`, and before it the end of the label before unless this is the first. The place must be the one
  /// last asked about with this name.
  func append(_ name: UnsafeRawBufferPointer, at place: Int, isFirst: Bool, to out: inout ByteWriter) {
    let skipped = isFirst ? 2 : 0
    if isRemembered(name, at: place) {
      let text = texts + place &* Self.width
      out.append(UnsafeRawBufferPointer(start: text + skipped, count: name.count &+ 4 &- skipped))
    } else {
      if !isFirst {
        out.append(UInt8(ascii: "\""))
        out.append(UInt8(ascii: ","))
      }
      out.append(name)
      out.append(UInt8(ascii: "="))
      out.append(UInt8(ascii: "\""))
    }
  }

  private func isRemembered(_ name: UnsafeRawBufferPointer, at place: Int) -> Bool {
    place < Self.places && name.count <= Self.nameMax
  }

  private func classify(_ name: UnsafeRawBufferPointer) -> Kind {
    // `__name__`, as one little-endian word.
    if name.count == 8, name.loadUnaligned(as: UInt64.self) == 0x5f5f_656d_616e_5f5f { return .metricName }
    if !boundName.isEmpty, LabelText.equal(name, boundName) { return .bound }
    return LabelText.isPlainName(name) ? .plain : .special
  }
}
