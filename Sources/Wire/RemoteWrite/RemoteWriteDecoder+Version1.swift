internal import TimeSeries

/// prometheus.WriteRequest (`prompb/remote.proto`).
extension RemoteWriteDecoder {
  mutating func decodeVersion1(
    _ body: UnsafeRawBufferPointer, to sink: any RemoteWriteSink
  ) throws(ProtobufError) -> RemoteWriteTally {
    var tally = RemoteWriteTally()
    var (series, families) = (0, 0)
    var reader = ProtobufReader(body)
    while let field = try reader.next(in: "WriteRequest") {
      switch field.number {
      case 1:
        series += 1
        try check(series, "WriteRequest.timeseries", byte: field.byte)
        try decodeSeries(reader.message(field, "WriteRequest.timeseries"), body, to: sink, &tally)
      case 3:
        families += 1
        try check(families, "WriteRequest.metadata", byte: field.byte)
        let metadata = try Self.metadata(reader.message(field, "WriteRequest.metadata"))
        guard metadata.name.count > 0 else { continue }
        sink.metadata(metadata)
        tally.metadata += 1
      default: try reader.skip(field, in: "WriteRequest")
      }
    }
    return tally
  }

  private mutating func decodeSeries(
    _ message: ProtobufReader, _ body: UnsafeRawBufferPointer, to sink: any RemoteWriteSink,
    _ tally: inout RemoteWriteTally
  ) throws(ProtobufError) {
    var reader = message
    var points = Points(limits, tally)
    samples.removeAll()
    spans.removeAll(keepingCapacity: true)
    // The labels' fields, if they stand together: writers write them first, one after the other.
    var run = message.offset..<message.offset
    var isRun = true
    while let field = try reader.next(in: "TimeSeries") {
      switch field.number {
      case 1:
        let label = try reader.message(field, "TimeSeries.labels")
        if points.labels == 0 { run = field.byte..<field.byte }
        points.labels += 1
        isRun = isRun && run.upperBound == field.byte
        run = run.lowerBound..<label.end
        if spans.count < limits.labelsMax { spans.append(label.offset..<label.end) }
      case 2: try readSample(reader.message(field, "TimeSeries.samples"), field.byte, &points)
      case 3:
        try reader.skip(field, in: "TimeSeries.exemplars")
        points.exemplars += 1
      case 4:
        try reader.skip(field, in: "TimeSeries.histograms")
        points.histograms += 1
      default: try reader.skip(field, in: "TimeSeries")
      }
    }
    tally.exemplars += points.exemplars
    tally.histograms += points.histograms
    guard samples.count > 0 else { return }  // histograms or exemplars alone, of which nothing is delivered
    var identity: SeriesIdentity?
    if isRun, points.labels == spans.count, !spans.isEmpty, run.count <= KeyedHash.lengthMax, points.isOrdered,
      let base = body.baseAddress
    {
      let known = SeriesIdentity(hash: hash(base + run.lowerBound, count: run.count), length: run.count)
      if sink.known(known, samples) { return count(&tally) }
      identity = known
    }
    try readLabels(body)
    if points.labels > spans.count { return reject(.tooManyLabels, to: sink, &tally) }
    if !points.isOrdered { return reject(.unorderedSamples, to: sink, &tally) }
    deliver(identity, anyNames: limits.allowsAnyNameInVersion1, to: sink, &tally)
  }

  private mutating func readLabels(_ body: UnsafeRawBufferPointer) throws(ProtobufError) {
    labels.removeAll()
    for span in spans {
      var reader = ProtobufReader(body, span)
      var name = UnsafeRawBufferPointer(start: nil, count: 0)
      var value = name
      while let field = try reader.next(in: "Label") {
        switch field.number {
        case 1: name = try reader.text(field, "Label.name")
        case 2: value = try reader.text(field, "Label.value")
        default: try reader.skip(field, in: "Label")
        }
      }
      labels.append(name, value)
    }
  }

  private static func metadata(_ message: ProtobufReader) throws(ProtobufError) -> FamilyMetadata {
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    var metadata = FamilyMetadata(name: nothing, type: .unknown, help: nothing, unit: nothing)
    var reader = message
    while let field = try reader.next(in: "MetricMetadata") {
      switch field.number {
      case 1: metadata.type = MetricType(remoteWrite: try reader.unsigned(field, "MetricMetadata.type"))
      case 2: metadata.name = try reader.text(field, "MetricMetadata.metric_family_name")
      case 4: metadata.help = try reader.text(field, "MetricMetadata.help")
      case 5: metadata.unit = try reader.text(field, "MetricMetadata.unit")
      default: try reader.skip(field, in: "MetricMetadata")
      }
    }
    return metadata
  }
}

extension MetricType {
  /// The numbers of both versions; a number that is not known stands for an unknown type.
  init(remoteWrite number: UInt64) {
    self =
      switch number {
      case 1: .counter
      case 2: .gauge
      case 3: .histogram
      case 4: .gaugeHistogram
      case 5: .summary
      case 6: .info
      case 7: .stateset
      default: .unknown
      }
  }
}
