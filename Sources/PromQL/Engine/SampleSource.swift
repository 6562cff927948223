public import TimeSeries

/// Where the engine reads samples: all it knows of whatever keeps them.
public protocol SampleSource: Sendable {
  /// The series that pass all of `matchers` and may have samples with timestamps in `start...end`, in milliseconds.
  ///
  /// The selection is a snapshot: it stays readable, and the same, for as long as it is held.
  func select(_ matchers: [Matcher], from start: Int64, through end: Int64) throws(SourceError) -> any SeriesSelection
}

/// The series of one selector, numbered from zero. Several threads read different series of it at the same time.
public protocol SeriesSelection: Sendable {
  var count: Int { get }

  /// Lends the labels of series `index` to `body`: sorted by name, each name once, no empty value.
  func withLabels<R>(of index: Int, _ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R

  /// Appends the samples of series `index` with timestamps in `start...end` to `columns`, oldest first, each timestamp
  /// once, stale markers included.
  func read(_ index: Int, from start: Int64, through end: Int64, into columns: inout SampleRun)
}

/// Samples as two columns, used again and again for one series after the other.
///
/// `@unchecked Sendable`: one thread owns it at a time.
public final class SampleRun: @unchecked Sendable {
  @usableFromInline var times: UnsafeMutablePointer<Int64>
  @usableFromInline var numbers: UnsafeMutablePointer<Double>
  @usableFromInline var capacity: Int
  /// Samples held.
  @inlinable public var count: Int { used }
  @usableFromInline var used = 0

  public init(capacity: Int = 64) {
    self.capacity = max(capacity, 16)
    times = .allocate(capacity: self.capacity)
    numbers = .allocate(capacity: self.capacity)
  }

  deinit {
    times.deallocate()
    numbers.deallocate()
  }

  /// Milliseconds since the Unix epoch, ascending. Valid until the next change.
  @inlinable public var timestamps: UnsafeBufferPointer<Int64> { UnsafeBufferPointer(start: times, count: used) }
  @inlinable public var values: UnsafeBufferPointer<Double> { UnsafeBufferPointer(start: numbers, count: used) }

  @inlinable public func append(_ timestamp: Int64, _ value: Double) {
    if used == capacity { grow(1) }
    times[used] = timestamp
    numbers[used] = value
    used &+= 1
  }

  /// Appends up to `most` samples, which `fill` writes into room that is not initialised and counts.
  @inlinable public func append(
    most: Int, _ fill: (UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Double>) -> Int
  ) {
    if capacity &- used < most { grow(most) }
    let written = fill(times + used, numbers + used)
    precondition(written >= 0 && written <= most, "\(written) samples written where \(most) have room")
    used += written
  }

  @usableFromInline func grow(_ extra: Int) {
    capacity = max(capacity * 2, used + extra)
    let (moreTimes, moreNumbers) = (
      UnsafeMutablePointer<Int64>.allocate(capacity: capacity),
      UnsafeMutablePointer<Double>.allocate(capacity: capacity)
    )
    moreTimes.update(from: times, count: used)
    moreNumbers.update(from: numbers, count: used)
    times.deallocate()
    numbers.deallocate()
    (times, numbers) = (moreTimes, moreNumbers)
  }

  /// Forgets the samples and keeps the room.
  @inlinable public func removeAll() { used = 0 }

  /// Drops stale markers, which windows do not see.
  func removeStaleMarkers() {
    var kept = 0
    while kept < used, !numbers[kept].isMissing { kept += 1 }
    guard kept < used else { return }
    for i in kept..<used where !numbers[i].isMissing {
      numbers[kept] = numbers[i]
      times[kept] = times[i]
      kept += 1
    }
    used = kept
  }
}

/// The source cannot answer: to a client an internal error.
public struct SourceError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
