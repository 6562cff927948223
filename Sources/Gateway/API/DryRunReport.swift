internal import Configuration
internal import Delivery
internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

/// What filter and label lines would make of the samples that the buffer has.
struct DryRunReport: ~Copyable {
  private struct Line {
    var series = 0
    var samples = 0
    var examples: [LabelSet] = []
  }

  private let request: DryRunRequest
  private var lines: [Line]
  private var series = 0
  private var samples = 0
  private var passedSeries = 0
  private var passedSamples = 0
  private var staleMarkersDropped = 0
  /// The newest sample each of series that pass, as it would be delivered.
  private var delivered = ByteWriter()
  private var shown = 0

  /// - Parameter since: the oldest samples to look at, in milliseconds since the Unix epoch.
  init(_ request: DryRunRequest, _ selectors: [[Matcher]], _ buffer: SampleBuffer, since: Int64) {
    self.request = request
    lines = Array(repeating: Line(), count: request.filter.count)
    let tokens = buffer.sortedByLabels(
      buffer.overlapping(
        selectors.isEmpty ? buffer.select([]) : buffer.select(anyOf: selectors), from: since,
        through: Parameters.timeMax))
    let run = DryRun(filter: request.filter, labels: request.labels, staleMarkers: request.staleMarkers)
    var columns = SampleColumns()
    // A slice at a time: reading samples must not happen while labels are lent.
    var start = 0
    while start < tokens.count {
      let slice = tokens[start..<min(start + 1024, tokens.count)]
      start = slice.endIndex
      let sets = buffer.labelSets(of: Array(slice))
      for (token, labels) in zip(slice, sets) {
        columns.removeAll()
        guard let labels, buffer.read(token, from: since, through: Parameters.timeMax, into: &columns),
          columns.count > 0
        else {
          continue
        }
        var dropped = 0
        var newest: Sample?
        for i in 0..<columns.count {
          if run.isDropped(columns[i]) { dropped += 1 } else { newest = columns[i] }
        }
        let count = columns.count
        labels.withLabelBytes { add($0, count, dropped, newest, run) }
      }
    }
  }

  /// - Parameters:
  ///   - dropped: how many of the samples would be left out even if the series passes.
  ///   - newest: of the others.
  private mutating func add(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ count: Int, _ dropped: Int, _ newest: Sample?, _ run: DryRun
  ) {
    series += 1
    samples += count
    if let line = run.rejectingLine(labels) {
      lines[line].series += 1
      lines[line].samples += count
      if lines[line].examples.count < request.limit { lines[line].examples.append(LabelSet(copying: labels)) }
      return
    }
    staleMarkersDropped += dropped
    guard let newest else { return }
    passedSeries += 1
    passedSamples += count - dropped
    guard shown < request.limit else { return }
    if shown > 0 { delivered.append(",") }
    run.write(labels, newest, to: &delivered)
    shown += 1
  }

  var response: Response {
    Answer.success { writer in
      writer.append("{")
      for (name, series, samples) in [
        ("examined", series, samples), ("delivered", passedSeries, passedSamples),
        ("rejected", lines.reduce(0) { $0 + $1.series }, lines.reduce(0) { $0 + $1.samples }),
      ] {
        writer.member(name)
        writer.append("{")
        writer.member("series", Int64(series))
        writer.member("samples", Int64(samples))
        writer.append("}")
      }
      writer.member("stale_markers_dropped", Int64(staleMarkersDropped))
      writer.member("lines")
      writer.append("[")
      for (i, line) in lines.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append("{")
        writer.member("line", request.filter[i].text)
        writer.member("rejected_series", Int64(line.series))
        writer.member("rejected_samples", Int64(line.samples))
        writer.member("examples")
        writer.append("[")
        for (j, labels) in line.examples.enumerated() {
          if j > 0 { writer.append(",") }
          writer.append(json: labels)
        }
        writer.append("]}")
      }
      writer.append("]")
      writer.member("examples")
      writer.append("[")
      delivered.withBytes { writer.append($0) }
      writer.append("]}")
    }
  }
}
