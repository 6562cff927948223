internal import TimeSeries

/// Functions that change labels, and the labels of what is absent.
extension Evaluator {
  func evaluateLabelReplace(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let (destination, template, source, pattern) = (
      string(call, 1), string(call, 2), string(call, 3), string(call, 4)
    )
    let regex: AnchoredRegex
    do {
      regex = try AnchoredRegex(pattern)
    } catch {
      throw .execution("invalid regular expression in label_replace(): \(pattern)")
    }
    if destination.isEmpty {
      throw .execution("invalid destination label name in label_replace(): \(destination)")
    }
    var block = try vector(call, 0, frame)
    for row in block.keys.indices {
      if row & 31 == 0 { try control.check() }
      guard let groups = regex.groups(in: labels.value(source, block.keys[row])) else { continue }
      set(destination, LabelTemplate.expand(template, regex, groups), &block.keys[row])
    }
    block.namesAgree = false
    return try joinDuplicates(block)
  }

  func evaluateLabelJoin(_ call: Call, _ frame: Frame) throws(QueryError) -> Block {
    let (destination, separator) = (string(call, 1), string(call, 2))
    let sources = call.arguments.indices.dropFirst(3).map { string(call, $0) }
    if let bad = sources.first(where: \.isEmpty) {
      throw .execution("invalid source label name in label_join(): \(bad)")
    }
    if destination.isEmpty {
      throw .execution("invalid destination label name in label_join(): \(destination)")
    }
    var block = try vector(call, 0, frame)
    for row in block.keys.indices {
      if row & 31 == 0 { try control.check() }
      let values = sources.map { labels.value($0, block.keys[row]) }
      set(destination, values.joined(separator: separator), &block.keys[row])
    }
    block.namesAgree = false
    return try joinDuplicates(block)
  }

  private func set(_ name: String, _ value: String, _ key: inout LabelKey) {
    key = labels.intern(LabelSet(labels.labelSet(key).labels + [Label(name, value)]))
  }

  // MARK: Absence

  /// One at the steps where `block` has nothing, with the labels that the argument's matchers pin down.
  func absence(_ call: Call, _ block: Block, _ frame: Frame) throws(QueryError) -> Block {
    var values = [Double](repeating: 1, count: frame.count)
    for row in block.keys.indices {
      for step in 0..<frame.count where !block.rows[row][step].isMissing { values[step] = .missing }
    }
    return withoutEmptyRows(try self.block(absentLabels(call.arguments[0]), values, frame))
  }

  private func absentLabels(_ argument: Expression) -> LabelSet {
    let matchers: [Matcher]
    switch argument.withoutParens {
    case .vectorSelector(let selector): matchers = selector.matchers
    case .matrixSelector(let matrix): matchers = matrix.selector.matchers
    default: return LabelStore.noLabels
    }
    var found: [Label] = []
    var seen: [String] = []
    for matcher in matchers where !matcher.name.hasSameBytes(as: Label.metricName) {
      let isNew = !seen.contains { $0.hasSameBytes(as: matcher.name) }
      if matcher.operation == .equal, isNew {
        found.append(Label(matcher.name, matcher.value))
        seen.append(matcher.name)
      } else {
        found.removeAll { $0.name.hasSameBytes(as: matcher.name) }
      }
    }
    return LabelSet(found)
  }
}

/// Replacement texts with `$1`, `${1}`, `$name` and `${name}`, as in Go's `Regexp.Expand`.
enum LabelTemplate {
  static func expand(_ template: String, _ regex: AnchoredRegex, _ groups: [String?]) -> String {
    var text = ""
    var rest = Substring(template)
    while let dollar = rest.firstIndex(of: "$") {
      text += rest[..<dollar]
      rest = rest[rest.index(after: dollar)...]
      if rest.first == "$" {
        text += "$"
        rest.removeFirst()
      } else if let (name, after) = reference(rest) {
        text += value(name, regex, groups)
        rest = after
      } else {
        text += "$"
      }
    }
    return text + rest
  }

  /// The name behind a dollar sign and what follows it; `nil` when there is none.
  private static func reference(_ text: Substring) -> (name: String, rest: Substring)? {
    let isBraced = text.first == "{"
    let start = isBraced ? text.dropFirst() : text
    let name = start.prefix { $0 == "_" || $0.isLetter || $0.isNumber }
    if name.isEmpty { return nil }
    let rest = start.dropFirst(name.count)
    if !isBraced { return (String(name), rest) }
    return rest.first == "}" ? (String(name), rest.dropFirst()) : nil
  }

  private static func value(_ name: String, _ regex: AnchoredRegex, _ groups: [String?]) -> String {
    if let number = Int(name) { return groups.indices.contains(number) ? groups[number] ?? "" : "" }
    for i in groups.indices.dropFirst() where regex.groupName(i) == name {
      if let group = groups[i] { return group }
    }
    return ""
  }
}
