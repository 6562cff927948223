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
  func read(_ index: Int, from start: Int64, through end: Int64, into columns: inout SampleColumns)
}

/// Samples as two columns, used again and again for one series after the other.
public struct SampleColumns: Sendable {
  /// Milliseconds since the Unix epoch, ascending.
  public var timestamps: [Int64] = []
  public var values: [Double] = []

  public init() {}

  @inlinable public var count: Int { timestamps.count }

  @inlinable public mutating func append(_ timestamp: Int64, _ value: Double) {
    timestamps.append(timestamp)
    values.append(value)
  }

  /// Forgets the samples and keeps the room.
  @inlinable public mutating func removeAll() {
    timestamps.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }

  /// Drops stale markers, which windows do not see.
  mutating func removeStaleMarkers() {
    guard let first = values.firstIndex(where: \.isMissing) else { return }
    var kept = first
    for i in first..<values.count where !values[i].isMissing {
      values[kept] = values[i]
      timestamps[kept] = timestamps[i]
      kept += 1
    }
    values.removeLast(values.count - kept)
    timestamps.removeLast(timestamps.count - kept)
  }
}

/// The source cannot answer: to a client an internal error.
public struct SourceError: Error, Sendable, Equatable, CustomStringConvertible {
  public let description: String
  public init(_ description: String) { self.description = description }
}
