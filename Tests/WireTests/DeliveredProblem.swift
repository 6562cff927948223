import TimeSeries
import Wire

/// Keeps what the decoder hands over, and lets series go while it does, if it is to.
private final class DeliveredCollector: SampleSink {
  private(set) var samples: [DeliveredReference.Sample] = []
  private(set) var rejections: [SampleRejection] = []
  private let losesSeries: Bool
  /// Whether the next batch finds every other series gone.
  private var isToLose = false
  private var sets: [LabelSet] = []
  private var refs: [LabelSet: Int] = [:]
  private var generations: [UInt32] = []
  private(set) var removals = 0

  init(losesSeries: Bool) { self.losesSeries = losesSeries }

  func beginRecord() {
    samples = []
    rejections = []
    isToLose = losesSeries
  }

  var seriesCount: Int { sets.count }

  func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken {
    let set = LabelSet(copying: labels)
    let ref = refs[set] ?? sets.count
    if ref == sets.count {
      refs[set] = ref
      sets.append(set)
      generations.append(1)
    }
    return SeriesToken(ref: UInt32(ref), generation: generations[ref])
  }

  func append(_ batch: borrowing SampleBatch, stale: inout [Int]) {
    if isToLose {
      for ref in stride(from: 0, to: sets.count, by: 2) { generations[ref] += 1 }
      removals += 1
      isToLose = false
    }
    for i in 0..<batch.count {
      let ref = Int(batch.tokens[i].ref)
      guard batch.tokens[i].generation == generations[ref] else {
        stale.append(i)
        continue
      }
      samples.append(
        DeliveredReference.Sample(labels: sets[ref], timestamp: batch.timestamps[i], bits: batch.values[i]))
    }
  }

  func reject(_ reason: SampleRejection, text: UnsafeRawBufferPointer, byte: Int) { rejections.append(reason) }
  func refuse(_ refusal: SeriesRefusal) {}

  func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void) {
    for (i, token) in tokens.enumerated() { report(i, generations[Int(token.ref)] == token.generation) }
  }
}

/// What the decoder does wrong with records, if anything; a zero byte parts them. They have the samples and the
/// rejections that `DeliveredReference` finds, whether their texts are known or not and whether series leave meanwhile;
/// and what is written of them is read again. `Tests/Fuzz` looks for such texts at length, the tests here in passing.
func problemOfDelivered(_ input: [UInt8]) -> String? {
  let texts = input.split(separator: 0, maxSplits: 7, omittingEmptySubsequences: false).map { Array($0) }
  let references = texts.map { DeliveredReference($0) }
  for losesSeries in [false, true] {
    let sink = DeliveredCollector(losesSeries: losesSeries)
    var decoder = DeliveredDecoder(sink: sink)
    // The second time the texts are known, and each follows the one that it followed before.
    for (text, reference) in zip(texts + texts, references + references) {
      sink.beginRecord()
      let record = lend(text) { decoder.decode($0) }
      if let problem = problem(of: sink, record, text, reference, inOrder: !losesSeries) { return problem }
    }
  }
  for (text, reference) in zip(texts, references) {
    var elements = 0
    let isWhole = lend(text) { text in (try? DeliveredText.forEachElement(text) { _ in elements += 1 }) != nil }
    if isWhole, !reference.isBroken, elements != reference.samples.count + reference.rejections.count {
      return "\(elements) elements are shown"
    }
  }
  return problemOfRoundTrip(references.flatMap(\.samples))
}

/// Lends `text` as the unpacker does, and not a byte more.
private func lend<R>(_ text: [UInt8], _ body: (UnsafeRawBufferPointer) -> R) -> R {
  let padded = text + [UInt8](repeating: 0, count: RecordUnpacker.padding)
  return padded.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<text.count])) }
}

private func problem(
  of sink: DeliveredCollector, _ record: DecodedRecord, _ text: [UInt8], _ reference: DeliveredReference, inOrder: Bool
) -> String? {
  if let fault = record.fault, !(0...text.count).contains(fault.byte) { return "a fault at byte \(fault.byte)" }
  if (record.fault != nil) != reference.isBroken { return "\(record), where the reference is \(reference.isBroken)" }
  if record.samples != sink.samples.count || record.rejected != sink.rejections.count || record.refused != 0 {
    return "counted as \(record)"
  }
  if inOrder, record.inSeconds != reference.inSeconds { return "\(record.inSeconds) samples in seconds" }
  let agree = inOrder ? sink.samples == reference.samples : sink.samples.sorted() == reference.samples.sorted()
  if !agree { return "samples \(sink.samples), not \(reference.samples)" }
  let allowed = reference.rejections
  guard sink.rejections.count == allowed.count, zip(sink.rejections, allowed).allSatisfy({ $1.contains($0) }) else {
    return "rejections \(sink.rejections), not \(allowed)"
  }
  return nil
}

/// What is written is read again: no label is called `value` or `timestamp`, and no time is one that passes for seconds.
private func problemOfRoundTrip(_ samples: [DeliveredReference.Sample]) -> String? {
  var encoder = DeliveredEncoder()
  for sample in samples {
    let value = Double(bitPattern: sample.bits)
    sample.labels.withLabelBytes { encoder.append(labels: $0, value: value, timestamp: sample.timestamp) }
  }
  let packed = encoder.takeRecord()
  let sink = DeliveredCollector(losesSeries: false)
  var decoder = DeliveredDecoder(sink: sink)
  var unpacker = RecordUnpacker()
  let record = packed.withUnsafeBytes { packed in try? unpacker.unpack(packed) { decoder.decode($0) } }
  guard let record, record.fault == nil, unpacker.framing == .raw else { return "what was written does not unpack" }
  return sink.samples == samples ? nil : "written and read: \(sink.samples), not \(samples)"
}
