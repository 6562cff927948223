internal import TimeSeries

/// io.prometheus.write.v2.Request (`prompb/io/prometheus/write/v2/types.proto`).
extension RemoteWriteDecoder {
  mutating func decodeVersion2(
    _ body: UnsafeRawBufferPointer, to sink: any RemoteWriteSink
  ) throws(ProtobufError) -> RemoteWriteTally {
    try readSymbols(body)
    var tally = RemoteWriteTally()
    var series = 0
    var lastMetadata: MetadataReferences?
    var reader = ProtobufReader(body)
    while let field = try reader.next(in: "Request") {
      guard field.number == 5 else {
        try reader.skip(field, in: "Request")
        continue
      }
      series += 1
      try check(series, "Request.timeseries", byte: field.byte)
      try decodeSeries(reader.message(field, "Request.timeseries"), to: sink, &tally, &lastMetadata)
    }
    return tally
  }

  /// What a series says of its family, in numbers of symbols.
  struct MetadataReferences: Equatable {
    var name: UInt32 = 0
    var type: UInt64 = 0
    var help: UInt64 = 0
    var unit: UInt64 = 0
  }

  /// Symbols come before the series that refer to them, but a writer may do otherwise: so they are gathered first.
  private mutating func readSymbols(_ body: UnsafeRawBufferPointer) throws(ProtobufError) {
    symbols.removeAll()
    var reader = ProtobufReader(body)
    while let field = try reader.next(in: "Request") {
      guard field.number == 4 else {
        try reader.skip(field, in: "Request")
        continue
      }
      guard symbols.count < limits.symbolsMax else {
        throw ProtobufError(.value("more than \(limits.symbolsMax)"), "Request.symbols", byte: field.byte)
      }
      let text = try reader.text(field, "Request.symbols")
      guard symbols.count > 0 || text.count == 0 else {
        throw ProtobufError(.value("the first symbol has to be the empty one"), "Request.symbols", byte: field.byte)
      }
      symbols.append(text, hash)
    }
  }

  private mutating func decodeSeries(
    _ message: ProtobufReader, to sink: any RemoteWriteSink, _ tally: inout RemoteWriteTally,
    _ lastMetadata: inout MetadataReferences?
  ) throws(ProtobufError) {
    var reader = message
    var points = Points(limits, tally)
    var metadata: MetadataReferences?
    var isBeyond = false
    samples.removeAll()
    references.removeAll(keepingCapacity: true)
    while let field = try reader.next(in: "TimeSeries") {
      switch field.number {
      case 1:
        try reader.unsignedNumbers(field, "TimeSeries.labels_refs") { reference, _ in
          isBeyond = isBeyond || reference >= UInt64(symbols.count)
          points.labels += 1
          if references.count < 2 * limits.labelsMax { references.append(UInt32(truncatingIfNeeded: reference)) }
        }
      case 2: try readSample(reader.message(field, "TimeSeries.samples"), field.byte, &points)
      case 3:
        try reader.skip(field, in: "TimeSeries.histograms")
        points.histograms += 1
      case 4:
        try reader.skip(field, in: "TimeSeries.exemplars")
        points.exemplars += 1
      case 5: metadata = try Self.metadata(reader.message(field, "TimeSeries.metadata"))
      default: try reader.skip(field, in: "TimeSeries")
      }
    }
    tally.exemplars += points.exemplars
    labels.removeAll()
    let fault: SeriesRejection? =
      if isBeyond {
        .unknownSymbol
      } else if points.labels % 2 != 0 {
        .oddLabelReferences
      } else if points.labels > references.count {
        .tooManyLabels
      } else if samples.count > 0, points.histograms > 0 {
        .mixedSamples
      } else if samples.count == 0, points.histograms == 0 {
        .noSamples
      } else if !points.isOrdered {
        .unorderedSamples
      } else {
        nil
      }
    if let fault {
      if !isBeyond { gatherLabels() }
      return reject(fault, to: sink, &tally)
    }
    tally.histograms += points.histograms
    if let metadata { tell(metadata, to: sink, &tally, &lastMetadata) }
    guard samples.count > 0 else { return }
    let identity = identity()
    if let identity, sink.known(identity, samples) { return count(&tally) }
    gatherLabels()
    deliver(identity, anyNames: true, to: sink, &tally)
  }

  private mutating func gatherLabels() {
    for i in stride(from: 0, to: references.count - 1, by: 2) {
      labels.append(symbols[references[i]], symbols[references[i + 1]])
    }
  }

  /// The hash of the symbols' hashes, with a part of the key that texts do not use.
  private func identity() -> SeriesIdentity? {
    let bytes = references.count * MemoryLayout<KeyedHash.Value>.size
    guard !references.isEmpty, bytes <= KeyedHash.lengthMax else { return nil }
    var sum = KeyedHash.Value()
    return withUnsafeTemporaryAllocation(of: KeyedHash.Value.self, capacity: references.count) { values in
      for (i, reference) in references.enumerated() {
        guard symbols.isHashed(reference) else { return nil }
        values[i] = symbols.hash(reference)
      }
      guard let base = UnsafeRawPointer(values.baseAddress) else { return nil }
      hash.add(base, count: bytes, region: 1, to: &sum)
      return SeriesIdentity(hash: sum, length: bytes)
    }
  }

  // MARK: Metadata

  private static func metadata(_ message: ProtobufReader) throws(ProtobufError) -> MetadataReferences {
    var metadata = MetadataReferences()
    var reader = message
    while let field = try reader.next(in: "Metadata") {
      switch field.number {
      case 1: metadata.type = try reader.unsigned(field, "Metadata.type")
      case 3: metadata.help = try reader.unsigned(field, "Metadata.help_ref")
      case 4: metadata.unit = try reader.unsigned(field, "Metadata.unit_ref")
      default: try reader.skip(field, in: "Metadata")
      }
    }
    return metadata
  }

  /// Hands over what a series says of its family, unless it says nothing or the series before said the same.
  private func tell(
    _ metadata: MetadataReferences, to sink: any RemoteWriteSink, _ tally: inout RemoteWriteTally,
    _ last: inout MetadataReferences?
  ) {
    var metadata = metadata
    guard metadata.type != 0 || metadata.help != 0 || metadata.unit != 0 else { return }
    let count = UInt64(symbols.count)
    guard metadata.help < count, metadata.unit < count else { return }
    for i in stride(from: 0, to: references.count, by: 2) where SeriesLabels.isMetricName(symbols[references[i]]) {
      metadata.name = references[i + 1]
    }
    guard metadata.name != 0, metadata != last else { return }
    last = metadata
    tally.metadata += 1
    sink.metadata(
      FamilyMetadata(
        name: symbols[metadata.name], type: MetricType(remoteWrite: metadata.type),
        help: symbols[UInt32(metadata.help)], unit: symbols[UInt32(metadata.unit)]))
  }
}
