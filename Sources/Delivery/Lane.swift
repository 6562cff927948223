internal import Configuration
internal import Synchronization
internal import TimeSeries
internal import Wire

/// A source of a task at work: what passes, under which labels, and how much that was.
final class Lane: Sendable {
  let source: DeliveryTask.Source
  let staleMarkers: DeliveryTask.StaleMarkers
  let cache: SeriesCache
  private let filter: Filter
  private let labelling: Labelling
  private let counts: Mutex<LaneCounts>

  init(_ source: DeliveryTask.Source, staleMarkers: DeliveryTask.StaleMarkers, cacheBytesMax: Int) {
    self.source = source
    self.staleMarkers = staleMarkers
    cache = SeriesCache(bytesMax: cacheBytesMax)
    filter = Filter(lines: source.filter)
    labelling = Labelling(source.labels)
    counts = Mutex(LaneCounts(lines: source.filter.count))
  }

  /// Looks at a series that is not known.
  /// - Parameter head: gets the head that what is returned points to.
  func meet(_ labels: UnsafeBufferPointer<LabelBytes>, head: inout ByteWriter) -> KnownSeries {
    head.removeAll()
    var series = KnownSeries()
    if let line = filter.rejectingLine(labels) {
      series.rejectingLine = Int32(line)
      return series
    }
    labelling.withLabels(labels) { labels, moved in
      series.movedLabels = UInt32(moved)
      series.hash = PartitionHash.of(labels)
      _ = DeliveredEncoder.writeHead(labels, to: &head)
    }
    series.head = head.withBytes { $0 }
    return series
  }

  func add(_ more: LaneCounts) { counts.withLock { $0.add(more) } }

  var total: LaneCounts { counts.withLock { $0 } }
}

/// What became of the samples that came to a source.
struct LaneCounts: Sendable, Equatable {
  var received = 0
  /// Put into records.
  var passed = 0
  /// By the filter line that rejected them.
  var rejected: [Int]
  var staleMarkersDropped = 0
  /// Samples with labels that gave way to the format's own names.
  var movedLabels = 0
  /// Too large for any record.
  var tooLarge = 0

  init(lines: Int) { rejected = Array(repeating: 0, count: lines) }

  mutating func add(_ more: LaneCounts) {
    received += more.received
    passed += more.passed
    for i in rejected.indices { rejected[i] += more.rejected[i] }
    staleMarkersDropped += more.staleMarkersDropped
    movedLabels += more.movedLabels
    tooLarge += more.tooLarge
  }
}
