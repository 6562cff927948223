import TimeSeries
import Wire

/// Bodies of remote writes, made by hand.
enum WriteBody {
  typealias Series = (labels: [String: String], samples: [(timestamp: Int64, value: Double)])

  static func packed(_ series: [Series], as version: RemoteWriteVersion) -> [UInt8] {
    Snappy.compress(version == .version1 ? message1(series) : message2(series))
  }

  /// One sample of a series.
  static func sample(_ labels: [String: String], _ timestamp: Int64, _ value: Double = 1) -> [UInt8] {
    packed([(labels, [(timestamp, value)])], as: .version1)
  }

  private static func message1(_ series: [Series]) -> [UInt8] {
    series.flatMap { series in
      field(1, sorted(series.labels).flatMap { field(1, text(1, $0) + text(2, $1)) } + samples(series))
    }
  }

  private static func message2(_ series: [Series]) -> [UInt8] {
    var symbols = [""]
    let body = series.flatMap { series in
      let references = sorted(series.labels).flatMap { name, value in
        symbols += [name, value]
        return varint(UInt64(symbols.count - 2)) + varint(UInt64(symbols.count - 1))
      }
      return field(5, field(1, references) + samples(series))
    }
    return symbols.flatMap { text(4, $0) } + body
  }

  /// `prometheus.MetricMetadata`, alone in a request of version 1.
  static func metadata(_ family: String, type: UInt64, help: String, unit: String) -> [UInt8] {
    Snappy.compress(field(3, [0x08] + varint(type) + text(2, family) + text(4, help) + text(5, unit)))
  }

  private static func sorted(_ labels: [String: String]) -> [(String, String)] {
    labels.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { ($0.key, $0.value) }
  }

  private static func samples(_ series: Series) -> [UInt8] {
    series.samples.flatMap { timestamp, value in
      let bits = value.bitPattern
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
      return field(2, [0x09] + bytes + [0x10] + varint(UInt64(bitPattern: timestamp)))
    }
  }

  private static func text(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

  private static func field(_ number: UInt8, _ content: [UInt8]) -> [UInt8] {
    [number << 3 | 2] + varint(UInt64(content.count)) + content
  }

  private static func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
  }
}
