/// Samples of one series as columns, oldest first: what readers of the buffer get. One owner, reused series after
/// series.
public struct SampleColumns: ~Copyable {
  public private(set) var count = 0
  private var capacity: Int
  /// Milliseconds since the Unix epoch; the first `count` are in use.
  public private(set) var timestamps: UnsafeMutablePointer<Int64>
  /// The first `count` are in use. A stale marker keeps its bits.
  public private(set) var values: UnsafeMutablePointer<Double>

  public init(capacity: Int = 256) {
    self.capacity = max(capacity, 16)
    timestamps = .allocate(capacity: self.capacity)
    values = .allocate(capacity: self.capacity)
  }

  deinit {
    timestamps.deallocate()
    values.deallocate()
  }

  /// Makes room for `extra` more samples.
  public mutating func reserve(_ extra: Int) {
    guard count + extra > capacity else { return }
    capacity = max(capacity * 2, count + extra)
    let newTimestamps = UnsafeMutablePointer<Int64>.allocate(capacity: capacity)
    let newValues = UnsafeMutablePointer<Double>.allocate(capacity: capacity)
    newTimestamps.update(from: timestamps, count: count)
    newValues.update(from: values, count: count)
    timestamps.deallocate()
    values.deallocate()
    timestamps = newTimestamps
    values = newValues
  }

  public mutating func append(_ timestamp: Int64, bits: UInt64) {
    reserve(1)
    timestamps[count] = timestamp
    values[count] = Double(bitPattern: bits)
    count += 1
  }

  public mutating func removeAll() { count = 0 }

  public subscript(index: Int) -> Sample {
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    return Sample(timestamp: timestamps[index], value: values[index])
  }
}
