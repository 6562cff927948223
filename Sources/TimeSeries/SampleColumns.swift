/// Samples of one series as columns, oldest first: what readers of the buffer get. One owner, reused series after
/// series.
public struct SampleColumns: ~Copyable {
  @inlinable public var count: Int { used }
  @usableFromInline var used = 0
  @usableFromInline var capacity: Int
  /// Milliseconds since the Unix epoch; the first `count` are in use.
  @inlinable public var timestamps: UnsafeMutablePointer<Int64> { times }
  @usableFromInline var times: UnsafeMutablePointer<Int64>
  /// The first `count` are in use. A stale marker keeps its bits.
  @inlinable public var values: UnsafeMutablePointer<Double> { numbers }
  @usableFromInline var numbers: UnsafeMutablePointer<Double>

  public init(capacity: Int = 256) {
    self.capacity = max(capacity, 16)
    times = .allocate(capacity: self.capacity)
    numbers = .allocate(capacity: self.capacity)
  }

  deinit {
    times.deallocate()
    numbers.deallocate()
  }

  /// Makes room for `extra` more samples.
  @inlinable public mutating func reserve(_ extra: Int) {
    if capacity &- used < extra { grow(extra) }
  }

  @usableFromInline mutating func grow(_ extra: Int) {
    capacity = max(capacity * 2, used + extra)
    let newTimes = UnsafeMutablePointer<Int64>.allocate(capacity: capacity)
    let newNumbers = UnsafeMutablePointer<Double>.allocate(capacity: capacity)
    newTimes.update(from: times, count: used)
    newNumbers.update(from: numbers, count: used)
    times.deallocate()
    numbers.deallocate()
    times = newTimes
    numbers = newNumbers
  }

  @inlinable public mutating func append(_ timestamp: Int64, bits: UInt64) {
    reserve(1)
    times[used] = timestamp
    numbers[used] = Double(bitPattern: bits)
    used &+= 1
  }

  /// Appends up to `most` samples, which `fill` writes into room that is not initialised and counts.
  @inlinable public mutating func append(
    most: Int, _ fill: (UnsafeMutablePointer<Int64>, UnsafeMutablePointer<Double>) -> Int
  ) {
    reserve(most)
    let written = fill(times + used, numbers + used)
    precondition(written >= 0 && written <= most, "\(written) samples written where \(most) have room")
    used &+= written
  }

  /// Forgets the samples and keeps the room.
  @inlinable public mutating func removeAll() { used = 0 }

  /// Forgets all samples from the `count`-th on.
  @inlinable public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= used, "\(count) of \(used) samples to keep")
    used = count
  }

  public subscript(index: Int) -> Sample {
    precondition(index >= 0 && index < count, "sample \(index) of \(count)")
    return Sample(timestamp: timestamps[index], value: values[index])
  }
}
