import TimeSeries
import Wire

/// Keeps what a decoder hands over.
final class RemoteWriteCollector: RemoteWriteSink {
  struct Series: Equatable {
    var labels: LabelSet
    var timestamps: [Int64]
    var bits: [UInt64]
  }

  var series: [Series] = []
  var rejections: [(rejection: SeriesRejection, samples: Int, text: String)] = []
  var families: [String] = []
  var identities: [SeriesIdentity: LabelSet] = [:]
  /// Series that came by their identity.
  var recognised = 0
  var recognises = true

  private func append(_ labels: LabelSet, _ samples: borrowing SampleColumns) {
    var taken = Series(labels: labels, timestamps: [], bits: [])
    for i in 0..<samples.count {
      taken.timestamps.append(samples.timestamps[i])
      taken.bits.append(samples[i].value.bitPattern)
    }
    series.append(taken)
  }

  func known(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool {
    guard recognises, let labels = identities[identity] else { return false }
    recognised += 1
    append(labels, samples)
    return true
  }

  func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns
  ) {
    let set = LabelSet(copying: labels)
    if let identity { identities[identity] = set }
    append(set, samples)
  }

  func reject(_ rejection: SeriesRejection, samples: Int, text: @autoclosure () -> String) {
    rejections.append((rejection, samples, text()))
  }

  func metadata(_ metadata: FamilyMetadata) {
    func text(_ bytes: UnsafeRawBufferPointer) -> String { String(decoding: bytes, as: UTF8.self) }
    families.append("\(text(metadata.name)) \(metadata.type) \(text(metadata.help)) \(text(metadata.unit))")
  }

  /// Decodes and returns what was in it.
  func take(
    _ body: [UInt8], _ version: RemoteWriteVersion, _ limits: RemoteWriteLimits = RemoteWriteLimits()
  ) throws(ProtobufError) -> RemoteWriteTally {
    var decoder = RemoteWriteDecoder(limits: limits)
    return try body.withUnsafeBufferPointer { (bytes) throws(ProtobufError) in
      try decoder.decode(UnsafeRawBufferPointer(bytes), as: version, to: self)
    }
  }
}

/// What the decoder does wrong with a message, if anything: any bytes at all give series within the limits or an error
/// that names a place, and the same ones when the series are known. `Tests/Fuzz` looks for such messages at length, the
/// tests here in passing.
func problemOfWrite(_ body: [UInt8], _ version: RemoteWriteVersion) -> String? {
  var limits = RemoteWriteLimits()
  limits.seriesMax = 50
  limits.samplesMax = 200
  limits.symbolsMax = 100
  limits.labelsMax = 5
  limits.labelNameBytesMax = 20
  limits.labelValueBytesMax = 40
  let collector = RemoteWriteCollector()
  let slow = RemoteWriteCollector()
  slow.recognises = false
  do throws(ProtobufError) {
    let tally = try collector.take(body, version, limits)
    let first = collector.series
    if let problem = problem(of: collector, tally, limits) { return problem }
    collector.series = []
    if try collector.take(body, version, limits) != tally { return "counted otherwise the second time" }
    if collector.series != first { return "read otherwise when the series are known" }
    if try slow.take(body, version, limits) != tally || slow.series != first {
      return "read otherwise when none is known"
    }
  } catch {
    if error.byte < 0 || error.byte > body.count { return "an error at byte \(error.byte) of \(body.count)" }
    if let other = errorOfWrite(body, version, limits, slow), other != error { return "\(error), then \(other)" }
  }
  return nil
}

private func errorOfWrite(
  _ body: [UInt8], _ version: RemoteWriteVersion, _ limits: RemoteWriteLimits, _ sink: RemoteWriteCollector
) -> ProtobufError? {
  do throws(ProtobufError) {
    _ = try sink.take(body, version, limits)
    return nil
  } catch {
    return error
  }
}

private func problem(of sink: RemoteWriteCollector, _ tally: RemoteWriteTally, _ limits: RemoteWriteLimits) -> String? {
  let samples = sink.series.reduce(0) { $0 + $1.timestamps.count }
  if tally.series != sink.series.count || tally.samples != samples { return "\(tally) for \(samples) samples" }
  let rejected = sink.rejections.reduce(0) { $0 + $1.samples }
  if tally.rejectedSeries != sink.rejections.count || tally.rejectedSamples != rejected {
    return "\(tally) for \(rejected) samples left out"
  }
  if samples + rejected > limits.samplesMax { return "\(samples + rejected) samples" }
  for series in sink.series {
    let labels = series.labels.labels
    if series.timestamps.isEmpty { return "a series without samples" }
    if zip(series.timestamps, series.timestamps.dropFirst()).contains(where: { $0 > $1 }) { return "times go back" }
    if series.labels["__name__"].isEmpty { return "a series without a metric name" }
    if labels.count > limits.labelsMax { return "\(labels.count) labels" }
    for (i, label) in labels.enumerated() {
      if label.name.isEmpty || label.value.isEmpty { return "an empty label" }
      if label.name.utf8.count > limits.labelNameBytesMax || label.value.utf8.count > limits.labelValueBytesMax {
        return "a label that is too long"
      }
      if i > 0, !labels[i - 1].name.utf8.lexicographicallyPrecedes(label.name.utf8) {
        return "labels are out of order or repeated"
      }
    }
  }
  return nil
}
