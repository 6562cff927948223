internal import Glibc
internal import TimeSeries

/// What label names come to on a page, by their place in the series: from one series to the next they are mostly the
/// same, which spares the closer look.
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

  /// The names, `width` bytes for each place.
  private let texts = UnsafeMutablePointer<UInt8>.allocate(capacity: places * width)
  /// The length of the name, 0 when none is known.
  private let counts = UnsafeMutablePointer<Int>.allocate(capacity: places)
  private let kinds = UnsafeMutablePointer<Kind>.allocate(capacity: places)
  /// How often a name was met that was not the last at its place.
  private(set) var changes = 0
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
  mutating func kind(of name: UnsafeRawBufferPointer, at place: Int) -> Kind {
    guard let start = name.baseAddress, !name.isEmpty, place < Self.places, name.count <= Self.width else {
      changes &+= 1
      return classify(name)
    }
    let text = texts + place &* Self.width
    if counts[place] == name.count, memcmp(text, start, name.count) == 0 { return kinds[place] }
    changes &+= 1
    memcpy(text, start, name.count)
    counts[place] = name.count
    kinds[place] = classify(name)
    return kinds[place]
  }

  private func classify(_ name: UnsafeRawBufferPointer) -> Kind {
    // `__name__`, as one little-endian word.
    if name.count == 8, name.loadUnaligned(as: UInt64.self) == 0x5f5f_656d_616e_5f5f { return .metricName }
    if !boundName.isEmpty, LabelText.equal(name, boundName) { return .bound }
    return LabelText.isPlainName(name) ? .plain : .special
  }
}
