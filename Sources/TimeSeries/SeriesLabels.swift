/// The labels of many series, each distinct label kept once under a number: two series carry the same label where they
/// have the same number. So whoever sorts or groups series compares numbers instead of text.
///
/// `@unchecked Sendable`: nothing changes after init.
public final class SeriesLabels: @unchecked Sendable {
  /// Series.
  public let count: Int
  /// Distinct labels.
  public let labelCount: Int
  /// Distinct label names.
  public let nameCount: Int
  private let numbers: UnsafeMutablePointer<UInt32>
  /// Of each series where its numbers begin; one more at the end.
  private let starts: UnsafeMutablePointer<Int>
  private let labels: UnsafeMutablePointer<LabelBytes>
  private let nameOfLabel: UnsafeMutablePointer<UInt32>
  private let names: UnsafeMutablePointer<UnsafeRawBufferPointer>
  private let text: UnsafeMutablePointer<UInt8>

  /// The numbers of a series' labels, in the order of their names. Valid as long as this object is.
  @inline(__always) public func numbers(of series: Int) -> UnsafeBufferPointer<UInt32> {
    UnsafeBufferPointer(start: numbers + starts[series], count: starts[series + 1] &- starts[series])
  }

  /// A label by its number. Valid as long as this object is.
  @inline(__always) public func label(_ number: UInt32) -> LabelBytes { labels[Int(number)] }

  /// The number of a label's name.
  @inline(__always) public func name(ofLabel number: UInt32) -> Int { Int(nameOfLabel[Int(number)]) }

  /// A name by its number. Valid as long as this object is.
  public func name(_ number: Int) -> UnsafeRawBufferPointer { names[number] }

  /// Lends the labels of a series, sorted by name, each name once, no empty value.
  public func withLabels<R>(of series: Int, _ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R {
    let numbers = numbers(of: series)
    return withUnsafeTemporaryAllocation(of: LabelBytes.self, capacity: numbers.count) { lent in
      for (i, number) in numbers.enumerated() { lent.initializeElement(at: i, to: label(number)) }
      return body(UnsafeBufferPointer(lent))
    }
  }

  init(_ builder: borrowing SeriesLabelsBuilder) {
    count = builder.starts.count
    labelCount = builder.labels.count
    nameCount = builder.names.count
    numbers = .allocate(capacity: max(builder.numbers.count, 1))
    starts = .allocate(capacity: count + 1)
    labels = .allocate(capacity: max(labelCount, 1))
    nameOfLabel = .allocate(capacity: max(labelCount, 1))
    names = .allocate(capacity: max(nameCount, 1))
    text = .allocate(capacity: max(builder.text.count, 1))
    text.initialize(from: builder.text, count: builder.text.count)
    numbers.initialize(from: builder.numbers, count: builder.numbers.count)
    starts.initialize(from: builder.starts, count: count)
    starts[count] = builder.numbers.count
    func lend(_ span: Range<Int>) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(start: text + span.lowerBound, count: span.count)
    }
    for (i, span) in builder.names.enumerated() { (names + i).initialize(to: lend(span)) }
    for (i, label) in builder.labels.enumerated() {
      (labels + i).initialize(to: LabelBytes(name: names[Int(label.name)], value: lend(label.value)))
      (nameOfLabel + i).initialize(to: label.name)
    }
  }

  deinit {
    numbers.deallocate()
    starts.deallocate()
    labels.deallocate()
    nameOfLabel.deallocate()
    names.deallocate()
    text.deallocate()
  }

  /// For series that are known as label sets.
  public convenience init(_ sets: [LabelSet]) {
    var builder = SeriesLabelsBuilder()
    var names: [[UInt8]: UInt32] = [:]
    var labels: [[UInt8]: UInt32] = [:]
    for set in sets {
      builder.beginSeries()
      set.withLabelBytes { lent in
        for label in lent {
          let key = Array(label.name) + [0xFF] + Array(label.value)  // no UTF-8 holds 0xFF
          let name = names[Array(label.name)] ?? builder.add(name: label.name)
          names[Array(label.name)] = name
          let number = labels[key] ?? builder.add(name: name, value: label.value)
          labels[key] = number
          builder.append(number)
        }
      }
    }
    self.init(builder)
  }
}

/// Puts `SeriesLabels` together. Whoever uses it makes sure that no name and no label is added twice.
public struct SeriesLabelsBuilder: ~Copyable {
  fileprivate var numbers: [UInt32] = []
  fileprivate var starts: [Int] = []
  fileprivate var labels: [(name: UInt32, value: Range<Int>)] = []
  fileprivate var names: [Range<Int>] = []
  fileprivate var text: [UInt8] = []

  public init() {}

  /// Makes room for this many series of about that many labels.
  public mutating func reserve(series: Int, labelsEach: Int) {
    starts.reserveCapacity(series)
    numbers.reserveCapacity(series * labelsEach)
  }

  /// Series begun.
  public var count: Int { starts.count }

  /// A new name.
  public mutating func add(name: UnsafeRawBufferPointer) -> UInt32 {
    names.append(keep(name))
    return UInt32(names.count - 1)
  }

  /// A new label.
  public mutating func add(name: UInt32, value: UnsafeRawBufferPointer) -> UInt32 {
    labels.append((name, keep(value)))
    return UInt32(labels.count - 1)
  }

  private mutating func keep(_ bytes: UnsafeRawBufferPointer) -> Range<Int> {
    let start = text.count
    text.append(contentsOf: bytes)
    return start..<text.count
  }

  public mutating func beginSeries() { starts.append(numbers.count) }

  /// The next label of the series begun last, in the order of names.
  public mutating func append(_ number: UInt32) { numbers.append(number) }

  /// The next labels of the series begun last, in the order of names.
  public mutating func append(_ more: UnsafeBufferPointer<UInt32>) { numbers.append(contentsOf: more) }

  /// All series so far.
  public borrowing func finish() -> SeriesLabels { SeriesLabels(self) }
}
