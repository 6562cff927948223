import PromQL
import SampleBuffer
import TimeSeries

/// What is wrong with a selector, as `match[]` has it, if anything: it is refused, or prints and reads back as itself, and
/// finds in the buffer what its matchers let pass.
func problemOfSelector(_ input: [UInt8]) -> String? {
  guard let matchers = try? parseSelector(String(decoding: input, as: UTF8.self)) else { return nil }
  // Prometheus' lexer takes this one for broken UTF-8 when it stands as itself.
  if matchers.contains(where: { ($0.name + $0.value).unicodeScalars.contains("\u{FFFD}") }) { return nil }
  let printed = "{\(matchers.map(\.description).joined(separator: ","))}"
  guard let again = try? parseSelector(printed) else { return "does not read back: \(printed)" }
  if again != matchers { return "reads back as \(again)" }
  let expected = Set(sets.filter { set in matchers.allSatisfy { $0.matches(set[$0.name]) } })
  let found = Set(buffer.labelSets(of: buffer.select(matchers)).compactMap(\.self))
  if found != expected { return "finds \(found.sorted()), not \(expected.sorted())" }
  let (tokens, labels) = buffer.select(matchers, from: 0, through: 2000)
  let selected = (0..<tokens.count).map { labels.withLabels(of: $0) { LabelSet(copying: $0) } }
  if Set(selected) != expected { return "selects \(selected.sorted()), not \(expected.sorted())" }
  return nil
}

private let sets: [LabelSet] = {
  var sets: [[Label]] = []
  for name in ["up", "foo", "c_total", "h_bucket", "with.dot", "é"] {
    sets.append([Label("__name__", name)])
    for value in ["a", "b", "ab", "1", "x y", "\n", "\u{E9}", "e\u{301}"] {
      sets.append([Label("__name__", name), Label("job", value)])
      sets.append([Label("__name__", name), Label("job", "a"), Label("le", value), Label("instance", "\(value):1")])
    }
  }
  return sets.map { LabelSet($0) }
}()

/// With one sample of each series.
private let buffer: SampleBuffer = {
  var settings = BufferSettings()
  settings.retention = 0
  guard let buffer = try? SampleBuffer(settings, clock: { 1000 }) else { preconditionFailure("no address space") }
  var batch = SampleBatch()
  for set in sets {
    guard let token = try? set.withLabelBytes({ try buffer.series($0) }) else { preconditionFailure("refused: \(set)") }
    batch.append(token, timestamp: 1000, bits: 0, position: 0)
  }
  SampleBuffer.Writer(buffer).append(batch)
  return buffer
}()
