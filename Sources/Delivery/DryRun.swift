public import Configuration
public import TimeSeries
internal import Wire

/// What filter lines and label lines would do to series, without delivering anything.
public struct DryRun: Sendable {
  private let filter: Filter
  private let labelling: Labelling

  public init(filter: [FilterLine], labels: [LabelLine]) {
    self.filter = Filter(lines: filter)
    labelling = Labelling(labels)
  }

  /// The first line that rejects the series; `nil` lets it through.
  /// - Parameter labels: sorted by name, no repeats, no empty values.
  public func rejectingLine(_ labels: UnsafeBufferPointer<LabelBytes>) -> Int? { filter.rejectingLine(labels) }

  /// Writes a sample as it would stand in a record.
  public func write(_ labels: UnsafeBufferPointer<LabelBytes>, _ sample: Sample, to writer: inout ByteWriter) {
    labelling.withLabels(labels) { labels, _ in
      _ = DeliveredEncoder.writeHead(labels, to: &writer)
    }
    if sample.value.isStaleMarker { writer.append("StaleNaN") } else { writer.append(sample.value, .json) }
    writer.append("\",\"timestamp\":\"")
    writer.append(decimal: sample.timestamp)
    writer.append("\"}")
  }
}
