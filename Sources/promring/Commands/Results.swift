internal import APIClient
internal import Foundation
internal import TimeSeries

/// Answers of the API on standard output; what they warn of on standard error.
enum Results {
  /// Prints what `text` makes of the answer.
  static func print(_ json: Data, as text: (QueryResult.Value, Terminal) -> String) throws {
    let result: QueryResult
    do throws(APIError) {
      result = try QueryResult(json: json)
    } catch {
      throw ProgramError("\(error)")
    }
    for warning in result.warnings { StandardError.write(note("warning", .yellow, warning)) }
    for info in result.infos { StandardError.write(note("info", .cyan, info)) }
    Swift.print(text(result.value, .output), terminator: "")
  }

  private static func note(_ kind: String, _ style: Terminal.Style, _ text: String) -> String {
    "\(Terminal.error.styled("\(kind):", style)) \(text.terminalSafe)\n"
  }

  static func text(_ value: QueryResult.Value, for terminal: Terminal) -> String {
    switch value {
    case .scalar(let point), .string(let point): return "\(point.text.terminalSafe)\n"
    case .vector(let series):
      guard !series.isEmpty else { return "nothing matches\n" }
      var table = Table([.init(title: "SERIES"), .init(title: "VALUE", alignsRight: true, style: .cyan)])
      for each in series { table.append([name(each.labels), each.points.first?.text ?? ""]) }
      return table.text(for: terminal)
    case .matrix(let series):
      guard !series.isEmpty else { return "nothing matches\n" }
      return courses(series, for: terminal)
    }
  }

  /// A line for each sample, the series last: it is the longest.
  static func samples(_ series: [QueryResult.Series], for terminal: Terminal) -> String {
    guard !series.isEmpty else { return "nothing matches\n" }
    var table = Table([
      .init(title: "TIME", style: .dim), .init(title: "VALUE", alignsRight: true, style: .cyan), .init(title: "SERIES"),
    ])
    for each in series {
      let name = name(each.labels)
      for point in each.points { table.append([time(point.seconds), point.text, name]) }
    }
    return table.text(for: terminal)
  }

  /// A sample that has just come: columns of their own would have to know what comes later.
  static func line(_ labels: LabelSet, _ point: QueryResult.Point, for terminal: Terminal) -> String {
    let time = terminal.styled(time(point.seconds), .dim)
    let value = terminal.styled(point.text.terminalSafe, .cyan)
    return "\(time)  \(value)  \(name(labels).terminalSafe)"
  }

  /// The same of a sample as it was delivered; `nil` of an object that is none.
  @Sendable static func line(delivered object: UnsafeRawBufferPointer) -> String? {
    guard var fields = try? JSONDecoder().decode([String: String].self, from: Data(object)),
      let value = fields.removeValue(forKey: "value"),
      let milliseconds = fields.removeValue(forKey: "timestamp").flatMap(Double.init)
    else { return nil }
    let labels = LabelSet(fields.map { Label($0.key, $0.value) })
    return line(labels, QueryResult.Point(seconds: milliseconds / 1000, text: value), for: .output)
  }

  static func time(_ seconds: Double) -> String {
    LogLine.rfc3339(Int64((seconds * 1000).rounded().clamped(to: -1e15...1e15)))
  }

  static func name(_ labels: LabelSet) -> String { labels.labels.isEmpty ? "{}" : "\(labels)" }

  // MARK: Courses over time

  private static let courseWidth = 60

  /// A line for each series: how many points, the last, the smallest and largest, and how it went, in columns of the same
  /// times for all series.
  private static func courses(_ series: [QueryResult.Series], for terminal: Terminal) -> String {
    var table = Table(
      ["POINTS", "LAST", "MIN", "MAX"].map { .init(title: $0, alignsRight: true, style: $0 == "LAST" ? .cyan : nil) }
        + [.init(title: "COURSE"), .init(title: "SERIES")])
    let times = Set(series.flatMap { $0.points.map(\.seconds) }).sorted()
    let columns = Dictionary(uniqueKeysWithValues: times.enumerated().map { ($1, $0) })
    for each in series {
      var values = [Double?](repeating: nil, count: times.count)
      var finite: [Double] = []
      for point in each.points {
        guard let column = columns[point.seconds], let value = Double(point.text) else { continue }
        values[column] = value
        if !value.isNaN { finite.append(value) }
      }
      let course = Sparkline.text(Sparkline.thinned(values, to: courseWidth))
      table.append([
        "\(each.points.count)", each.points.last?.text ?? "", number(finite.min()), number(finite.max()), course,
        name(each.labels),
      ])
    }
    return table.text(for: terminal)
  }

  /// Of none there is no smallest and no largest.
  private static func number(_ value: Double?) -> String { FloatText.string(value ?? .nan, .json) }
}

extension Double {
  fileprivate func clamped(to range: ClosedRange<Double>) -> Double {
    isNaN ? 0 : Swift.min(Swift.max(self, range.lowerBound), range.upperBound)
  }
}
