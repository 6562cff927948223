public import Configuration
public import TimeSeries
internal import Wire

/// What filter lines and label lines would do to series, without delivering anything.
public struct DryRun: Sendable {
  private let filter: Filter
  private let labelling: Labelling
  private let staleMarkers: DeliveryTask.StaleMarkers

  public init(filter: [FilterLine], labels: [LabelLine], staleMarkers: DeliveryTask.StaleMarkers) {
    self.filter = Filter(lines: filter)
    labelling = Labelling(labels)
    self.staleMarkers = staleMarkers
  }

  /// Whether a sample of a series that passes is left out nevertheless.
  public func isDropped(_ sample: Sample) -> Bool { staleMarkers == .drop && sample.value.isStaleMarker }

  /// The first line that rejects the series; `nil` lets it through.
  /// - Parameter labels: sorted by name, no repeats, no empty values.
  public func rejectingLine(_ labels: UnsafeBufferPointer<LabelBytes>) -> Int? { filter.rejectingLine(labels) }

  /// Writes a sample that is not dropped as it would stand in a record.
  public func write(_ labels: UnsafeBufferPointer<LabelBytes>, _ sample: Sample, to writer: inout ByteWriter) {
    labelling.withLabels(labels) { labels, _ in
      _ = DeliveredEncoder.writeHead(labels, to: &writer)
    }
    let isMarker = sample.value.isStaleMarker && staleMarkers == .staleNaN
    if isMarker { writer.append("StaleNaN") } else { writer.append(sample.value, .json) }
    writer.append("\",\"timestamp\":\"")
    writer.append(decimal: sample.timestamp)
    writer.append("\"}")
  }
}
