/// A series of the buffer as others hold on to it: a slot, and the generation that tells the slot's tenants apart.
public struct SeriesToken: Hashable, Sendable {
  public var ref: UInt32
  public var generation: UInt32

  @inlinable public init(ref: UInt32, generation: UInt32) {
    self.ref = ref
    self.generation = generation
  }
}

/// Samples on their way from a decoder to the buffer, as columns: one owner, filled and emptied again and again, so
/// that a steady stream allocates nothing.
public struct SampleBatch: ~Copyable {
  /// Samples a batch holds at most. 1,024 × 28 bytes stay in the first two caches.
  public static let capacity = 1024

  public private(set) var count = 0
  /// Each column has `capacity` slots; the first `count` are in use.
  public let tokens: UnsafeMutablePointer<SeriesToken>
  /// Milliseconds since the Unix epoch.
  public let timestamps: UnsafeMutablePointer<Int64>
  /// The values' bits, for a stale marker must not pass through floating-point registers.
  public let values: UnsafeMutablePointer<UInt64>
  /// Where in its record each sample's text begins, in bytes.
  public let positions: UnsafeMutablePointer<UInt32>

  public init() {
    tokens = .allocate(capacity: Self.capacity)
    timestamps = .allocate(capacity: Self.capacity)
    values = .allocate(capacity: Self.capacity)
    positions = .allocate(capacity: Self.capacity)
  }

  deinit {
    tokens.deallocate()
    timestamps.deallocate()
    values.deallocate()
    positions.deallocate()
  }

  public var isFull: Bool { count == Self.capacity }

  /// - Precondition: not full.
  public mutating func append(_ token: SeriesToken, timestamp: Int64, bits: UInt64, position: Int) {
    precondition(count < Self.capacity, "a batch holds \(Self.capacity) samples")
    tokens[count] = token
    timestamps[count] = timestamp
    values[count] = bits
    positions[count] = UInt32(truncatingIfNeeded: position)
    count += 1
  }

  public mutating func removeAll() { count = 0 }
}

/// Why the buffer will not take a series.
public enum SeriesRefusal: String, Error, Sendable, CaseIterable {
  case tooManySeries = "series_limit"
  case overMemoryBudget = "memory_budget"
  case tooManyLabels = "label_count"
  case labelNameTooLong = "label_name_length"
  case labelValueTooLong = "label_value_length"
}
