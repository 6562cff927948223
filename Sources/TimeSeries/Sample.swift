/// One value of a series at one moment.
public struct Sample: Sendable {
  /// Milliseconds since the Unix epoch.
  public var timestamp: Int64
  public var value: Double

  public init(timestamp: Int64, value: Double) {
    self.timestamp = timestamp
    self.value = value
  }
}

/// The NaN that ends a series: an exact bit pattern (`prometheus/prometheus: model/value/value.go`). Every other NaN is
/// an ordinary value, and arithmetic may change a NaN's bits, so compare `bitPattern` before anything is computed.
public enum StaleMarker {
  public static let bits: UInt64 = 0x7ff0_0000_0000_0002
  public static let value = Double(bitPattern: bits)
  /// The bits of an ordinary NaN in Prometheus.
  public static let normalNaNBits: UInt64 = 0x7ff8_0000_0000_0001
}

extension Double {
  /// Whether this is the marker that ends a series, not merely a NaN.
  public var isStaleMarker: Bool { bitPattern == StaleMarker.bits }
}
