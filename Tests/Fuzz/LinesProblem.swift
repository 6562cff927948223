import Configuration
import TimeSeries

/// What is wrong with a text as the filter's or the labels' lines of a task, if anything: it is refused, or has lines that
/// read back as themselves, let pass what a matcher of each would, and attach labels without losing one.
func problemOfLines(_ input: [UInt8]) -> String? {
  let text = String(decoding: input, as: UTF8.self)
  if let lines = try? TaskLines.filter([text]), let problem = problemOfFilter(lines) { return problem }
  if let lines = try? TaskLines.labels([text]), let problem = problemOfLabels(lines) { return problem }
  return nil
}

private let sets: [LabelSet] = [
  ["__name__": "up"], ["__name__": "value", "value": "1", "timestamp": "2"],
  ["__name__": "AliyunEcs_CPUUtilization", "id": "i-2ze0mxp1", "regionId": "cn-hangzhou", "k": "é"],
  ["__name__": "up", "exported_value": "a", "value": "b", "exported_exported_value": "c", "job": "x", "k": "\n"],
].map { LabelSet($0.map { Label($0.key, $0.value) }) }

private func problemOfFilter(_ lines: [FilterLine]) -> String? {
  guard let again = try? TaskLines.filter(lines.map(\.text)), again == lines else {
    return "does not read back: \(lines)"
  }
  let matchers = lines.compactMap { try? Matcher($0.name, .regexMatch, $0.regex.pattern) }
  guard matchers.count == lines.count else { return "a line is no matcher: \(lines)" }
  for set in sets {
    let rejecting = set.withLabelBytes { Filter(lines: lines).rejectingLine($0) }
    let expected = matchers.firstIndex { !$0.matches(set[$0.name]) }
    if rejecting != expected { return "line \(rejecting ?? -1) rejects \(set), not line \(expected ?? -1)" }
  }
  return nil
}

private func problemOfLabels(_ lines: [LabelLine]) -> String? {
  guard let again = try? TaskLines.labels(lines.map(\.text)), again == lines else {
    return "does not read back: \(lines)"
  }
  for set in sets {
    let (made, renamed) = set.withLabelBytes { Labelling(lines).withLabels($0) { ($0.map(\.label), $1) } }
    for (a, b) in zip(made, made.dropFirst()) where a.name.compareBytes(with: b.name) >= 0 {
      return "labels are out of order or repeated: \(made)"
    }
    if made.count != set.labels.count + lines.count { return "\(made.count) labels of \(set) and \(lines)" }
    if made.contains(where: { $0.name == "value" || $0.name == "timestamp" }) { return "a reserved name: \(made)" }
    for line in lines where !made.contains(Label(line.name, line.value)) { return "\(line.text) is not attached" }
    let reserved = set.labels.count { $0.name == "value" || $0.name == "timestamp" }
    if renamed != reserved { return "\(renamed) labels gave way to the format, not \(reserved)" }
    for label in set.labels {
      let kept = made.contains { $0.value.hasSameBytes(as: label.value) && $0.name.hasSuffix(label.name) }
      if !kept { return "\(label) is lost: \(made)" }
    }
  }
  return nil
}
