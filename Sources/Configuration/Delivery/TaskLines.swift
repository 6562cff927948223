public import TimeSeries

/// A line of a delivery task's filter, `label=regex`: samples pass whose label matches. The expression is RE2's and has
/// to match the whole value; a label that is absent counts as the empty string, as everywhere in Prometheus.
public struct FilterLine: Sendable {
  public let name: String
  public let regex: AnchoredRegex

  /// - Throws: why the line means nothing.
  public init(_ line: String) throws(LineProblem) {
    let (name, pattern) = try LineProblem.parts(of: line, form: "label=regex")
    guard !name.hasSuffix("!"), !pattern.hasPrefix("~") else {
      throw LineProblem(line, "a filter line is label=regex: there is neither != nor =~, and no negation")
    }
    guard !(pattern.count > 1 && pattern.hasPrefix("\"") && pattern.hasSuffix("\"")) else {
      throw LineProblem(line, "the expression stands without quotes (\\x22 is one that belongs to a value)")
    }
    self.name = name
    do {
      regex = try AnchoredRegex(pattern)
    } catch {
      throw LineProblem(line, "\(pattern.quoted) is no regular expression (RE2): \(error.reason)")
    }
  }

  /// The line as it is shown.
  public var text: String { "\(name)=\(regex.pattern)" }
}

extension FilterLine: Equatable {
  public static func == (a: FilterLine, b: FilterLine) -> Bool { a.text.hasSameBytes(as: b.text) }
}

/// A line of a delivery task's labels, `key=value`: attached to every sample that is delivered.
public struct LabelLine: Sendable, Equatable {
  public let name: String
  public let value: String

  /// Names that the delivered format keeps for itself.
  public static let reservedNames = [Label.metricName, "value", "timestamp"]

  /// - Throws: why the line means nothing, or cannot be expressed in the delivered format.
  public init(_ line: String) throws(LineProblem) {
    (name, value) = try LineProblem.parts(of: line, form: "key=value")
    guard !LabelLine.reservedNames.contains(where: { name.hasSameBytes(as: $0) }) else {
      throw LineProblem(line, "\(name.quoted) cannot be attached: in the delivered format it is the sample's own")
    }
    guard !value.isEmpty else {
      throw LineProblem(line, "the value is empty, which in Prometheus means that there is no such label")
    }
  }

  /// The line as it is shown.
  public var text: String { "\(name)=\(value)" }

  public static func == (a: LabelLine, b: LabelLine) -> Bool { a.text.hasSameBytes(as: b.text) }
}

/// What is wrong with a line of a delivery task.
public struct LineProblem: Error, Equatable, CustomStringConvertible {
  public let line: String
  public let reason: String

  init(_ line: String, _ reason: String) {
    self.line = line
    self.reason = reason
  }

  public var description: String { "line \(line.quoted): \(reason)".onOneLine }

  /// What stands before and after the first `=`, without blanks around either.
  fileprivate static func parts(of line: String, form: String) throws(LineProblem) -> (String, String) {
    guard let equals = line.utf8.firstIndex(of: UInt8(ascii: "=")) else {
      throw LineProblem(line, "there is no \"=\"; write it as \(form)")
    }
    let name = String(line[..<equals]).trimmed
    guard !name.isEmpty else { throw LineProblem(line, "there is no name before \"=\"; write it as \(form)") }
    guard name.utf8.count <= 512 else { throw LineProblem(line, "the name is longer than 512 bytes") }
    let value = String(line[line.utf8.index(after: equals)...]).trimmed
    guard value.utf8.count <= 8192 else { throw LineProblem(line, "what follows \"=\" is longer than 8192 bytes") }
    return (name, value)
  }
}

/// All lines of one kind of a delivery task's source.
public enum TaskLines {
  /// Lines of a source, filter and labels each.
  public static let countMax = 100

  /// The lines of a filter, blank ones left out.
  public static func filter(_ lines: [String]) throws(LineProblem) -> [FilterLine] {
    var parsed: [FilterLine] = []
    for line in lines.flatMap(split) {
      guard parsed.count < countMax else { throw LineProblem(line, "there are more than \(countMax) lines") }
      parsed.append(try FilterLine(line))
    }
    return parsed
  }

  /// The lines of labels, blank ones left out; no name twice.
  public static func labels(_ lines: [String]) throws(LineProblem) -> [LabelLine] {
    var parsed: [LabelLine] = []
    for line in lines.flatMap(split) {
      guard parsed.count < countMax else { throw LineProblem(line, "there are more than \(countMax) lines") }
      let label = try LabelLine(line)
      guard !parsed.contains(where: { $0.name.hasSameBytes(as: label.name) }) else {
        throw LineProblem(line, "\(label.name.quoted) is attached already, by another line")
      }
      parsed.append(label)
    }
    return parsed
  }

  /// One text may hold several lines.
  static func split(_ text: String) -> [String] {
    text.split(whereSeparator: \.isNewline).map { String($0).trimmed }.filter { !$0.isEmpty }
  }
}
