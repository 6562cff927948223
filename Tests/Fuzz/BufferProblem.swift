import SampleBuffer
import Synchronization
import TimeSeries

/// What is wrong with the buffer, if anything: the input as operations (append, delete, let time pass, read) leaves the
/// same samples in it as in a dictionary.
func problemOfBuffer(_ input: [UInt8]) -> String? {
  guard let buffer = BufferAndModel() else { return "no address space" }
  var reader = InputReader(input)
  while !reader.isAtEnd {
    let problem: String?
    switch reader.byte() % 16 {
    case 0: problem = buffer.delete(&reader)
    case 1: problem = buffer.pass(Int64(reader.number(2)) * 100)
    case 2: problem = buffer.compare(&reader)
    default: problem = buffer.append(&reader)
    }
    if let problem { return problem }
  }
  return buffer.compare()
}

/// The time, to turn by hand.
private final class Clock: Sendable {
  let now = Atomic<Int64>(1_700_000_000_000)
}

/// A buffer, and what ought to be in it.
private final class BufferAndModel {
  private static let retention: Int64 = 600_000
  private static let slabDuration: Int64 = 60_000
  private static let names = (0..<4).map { LabelSet([Label("__name__", "m"), Label("i", "\($0)")]) }

  private let clock: Clock
  private let buffer: SampleBuffer
  private let writer: SampleBuffer.Writer
  private var model = [[Int64: UInt64]](repeating: [:], count: names.count)

  init?() {
    var settings = BufferSettings()
    settings.retention = Self.retention
    settings.slabDuration = Self.slabDuration
    settings.futureSkew = 120_000
    settings.seriesMax = 64
    let clock = Clock()
    guard let buffer = try? SampleBuffer(settings, clock: { clock.now.load(ordering: .relaxed) }) else { return nil }
    self.clock = clock
    self.buffer = buffer
    writer = SampleBuffer.Writer(buffer)
  }

  private var time: Int64 { clock.now.load(ordering: .relaxed) }

  private func token(_ series: Int) -> SeriesToken? {
    try? Self.names[series].withLabelBytes { try buffer.series($0) }
  }

  /// Slabs whose time is over are gone as a whole.
  private func dropOld() {
    let first = (time - Self.retention) / Self.slabDuration * Self.slabDuration
    for series in model.indices { model[series] = model[series].filter { $0.key >= first } }
  }

  /// Up to a minute of samples in one batch, in order or not.
  func append(_ reader: inout InputReader) -> String? {
    var batch = SampleBatch()
    var timestamp = time - Int64(reader.number(2)) * 10
    var bits: UInt64 = 0
    dropOld()
    for _ in 0...(reader.byte() % 8) {
      let series = Int(reader.byte() % 4)
      guard let token = token(series) else { return "a series is refused" }
      bits = reader.valueBits(after: bits)
      batch.append(token, timestamp: timestamp, bits: bits, position: 0)
      let isWithin = timestamp >= time - Self.retention && timestamp <= time + 120_000
      if isWithin, model[series][timestamp] == nil { model[series][timestamp] = bits }
      timestamp += Int64(Int8(bitPattern: reader.byte())) * 500
    }
    writer.append(batch)
    return writer.stale.isEmpty ? nil : "tokens that were just given are out of date"
  }

  func pass(_ milliseconds: Int64) -> String? {
    clock.now.add(milliseconds, ordering: .relaxed)
    buffer.maintain()
    dropOld()
    return nil
  }

  func delete(_ reader: inout InputReader) -> String? {
    let series = Int(reader.byte() % 4)
    let from = time - Int64(reader.number(2)) * 10
    let through = from + Int64(reader.number(2)) * 10
    let doomed = model[series].keys.filter { from <= $0 && $0 <= through }
    for timestamp in doomed { model[series][timestamp] = nil }
    let matchers = [Matcher("__name__", equals: "m"), Matcher("i", equals: "\(series)")]
    guard let deleted = try? buffer.delete(anyOf: [matchers], from: from, through: through) else { return "no room" }
    return deleted.samples == doomed.count ? nil : "\(deleted.samples) samples are deleted, not \(doomed.count)"
  }

  /// Compares a span of one series.
  func compare(_ reader: inout InputReader) -> String? {
    let from = time - Int64(reader.number(2)) * 10
    return compare(Int(reader.byte() % 4), from, from + Int64(reader.number(2)) * 10)
  }

  /// Compares everything.
  func compare() -> String? {
    let count = model.reduce(0) { $0 + $1.count }
    let statistics = buffer.statistics()
    if statistics.samples != count { return "\(statistics.samples) samples, not \(count)" }
    for series in model.indices {
      if let problem = compare(series, .min / 2, .max / 2) { return problem }
      guard let token = token(series) else { return "a series is refused" }
      let newest = buffer.newest([token])[0]?.timestamp
      if newest != model[series].keys.max() { return "the newest sample is at \(newest ?? 0)" }
    }
    return nil
  }

  private func compare(_ series: Int, _ from: Int64, _ through: Int64) -> String? {
    guard let token = token(series) else { return "a series is refused" }
    var columns = SampleColumns()
    buffer.read(token, from: from, through: through, into: &columns)
    let expected = model[series].filter { from <= $0.key && $0.key <= through }.sorted { $0.key < $1.key }
    let found = (0..<columns.count).map { (columns[$0].timestamp, columns[$0].value.bitPattern) }
    if found.elementsEqual(expected, by: { $0.0 == $1.key && $0.1 == $1.value }) { return nil }
    return "series \(series) from \(from) through \(through) has \(found), not \(expected)"
  }
}
