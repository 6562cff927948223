public import TimeSeries
public import Wire

/// What one look at a target has brought, ready to go on: all samples of its page with their labels attached, stale
/// markers for series that were there before and are no more, and `up` with its companions.
public final class Scrape: Sendable {
  public let job: String
  public let instance: String
  public let url: String
  /// When the scrape began, in milliseconds since the epoch: the time of every sample without one of its own.
  public let timestamp: Int64
  /// Whether the page could be read; `up` says the same.
  public let isUp: Bool
  /// What the page says of its metrics, in its order.
  public let families: [ScrapedFamily]
  /// One for each sample.
  let series: [ScrapedSeries]
  let timestamps: [Int64]
  let bits: [UInt64]

  init(
    _ head: (job: String, instance: String, url: String), timestamp: Int64, isUp: Bool, families: [ScrapedFamily],
    _ columns: ScrapeColumns
  ) {
    (job, instance, url) = head
    self.timestamp = timestamp
    self.isUp = isUp
    self.families = families
    series = columns.series
    timestamps = columns.timestamps
    bits = columns.bits
  }

  /// Samples, stale markers among them.
  public var count: Int { series.count }

  /// Hands everything over as if it had come by remote write: metadata, then sample after sample. A series has the same
  /// identity in every scrape, whichever target it comes from.
  public func write(to sink: any RemoteWriteSink) {
    for family in families { family.lend(to: sink) }
    var columns = SampleColumns(capacity: 1)
    for i in series.indices {
      columns.removeAll()
      columns.append(timestamps[i], bits: bits[i])
      if let identity = series[i].identity, sink.known(identity, columns) { continue }
      series[i].withLabels { sink.series($0, series[i].identity, columns) }
    }
  }

  /// A copy of a sample.
  public subscript(index: Int) -> (labels: LabelSet, timestamp: Int64, bits: UInt64) {
    (series[index].withLabels { LabelSet(copying: $0) }, timestamps[index], bits[index])
  }
}

/// Samples on their way into a scrape.
struct ScrapeColumns {
  var series: [ScrapedSeries] = []
  var timestamps: [Int64] = []
  /// A stale marker must not pass through floating-point registers.
  var bits: [UInt64] = []

  mutating func reserve(_ count: Int) {
    series.reserveCapacity(count)
    timestamps.reserveCapacity(count)
    bits.reserveCapacity(count)
  }

  mutating func append(_ series: ScrapedSeries, _ timestamp: Int64, _ bits: UInt64) {
    self.series.append(series)
    timestamps.append(timestamp)
    self.bits.append(bits)
  }
}

/// What a page says of a metric family.
public struct ScrapedFamily: Sendable, Equatable {
  public let type: MetricType
  private let text: [UInt8]
  private let nameEnd: Int
  private let helpEnd: Int

  init(_ metadata: FamilyMetadata) {
    type = metadata.type
    text = Array(metadata.name) + Array(metadata.help) + Array(metadata.unit)
    nameEnd = metadata.name.count
    helpEnd = nameEnd + metadata.help.count
  }

  public var name: String { String(decoding: text[..<nameEnd], as: UTF8.self) }
  public var help: String { String(decoding: text[nameEnd..<helpEnd], as: UTF8.self) }
  public var unit: String { String(decoding: text[helpEnd...], as: UTF8.self) }

  func says(_ metadata: FamilyMetadata) -> Bool {
    type == metadata.type && nameEnd == metadata.name.count && helpEnd - nameEnd == metadata.help.count
      && text.count - helpEnd == metadata.unit.count && text[..<nameEnd].elementsEqual(metadata.name)
      && text[nameEnd..<helpEnd].elementsEqual(metadata.help) && text[helpEnd...].elementsEqual(metadata.unit)
  }

  func lend(to sink: any RemoteWriteSink) {
    text.withUnsafeBytes { text in
      sink.metadata(
        FamilyMetadata(
          name: UnsafeRawBufferPointer(rebasing: text[..<nameEnd]), type: type,
          help: UnsafeRawBufferPointer(rebasing: text[nameEnd..<helpEnd]),
          unit: UnsafeRawBufferPointer(rebasing: text[helpEnd...])))
    }
  }
}

/// The labels of a series, in one piece, kept from scrape to scrape.
final class ScrapedSeries: Sendable {
  /// `nil` for one that is longer than `KeyedHash` takes.
  let identity: SeriesIdentity?
  private let text: [UInt8]
  /// Where each name and each value ends in it, by turns.
  private let ends: [Int32]

  /// - Parameter labels: sorted by name, no repeats, no empty values.
  init(_ labels: UnsafeBufferPointer<LabelBytes>) {
    identity = SeriesIdentity(labels)
    var text: [UInt8] = []
    text.reserveCapacity(labels.reduce(0) { $0 + $1.name.count + $1.value.count })
    ends = labels.flatMap { label in
      text.append(contentsOf: label.name)
      let nameEnd = Int32(text.count)
      text.append(contentsOf: label.value)
      return [nameEnd, Int32(text.count)]
    }
    self.text = text
  }

  func withLabels<R>(_ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R {
    text.withUnsafeBytes { text in
      withUnsafeTemporaryAllocation(of: LabelBytes.self, capacity: max(ends.count / 2, 1)) { lent in
        var start = 0
        for i in 0..<ends.count / 2 {
          let (nameEnd, end) = (Int(ends[2 * i]), Int(ends[2 * i + 1]))
          lent.initializeElement(
            at: i,
            to: LabelBytes(
              name: UnsafeRawBufferPointer(rebasing: text[start..<nameEnd]),
              value: UnsafeRawBufferPointer(rebasing: text[nameEnd..<end])))
          start = end
        }
        return body(UnsafeBufferPointer(rebasing: lent[..<(ends.count / 2)]))
      }
    }
  }
}
