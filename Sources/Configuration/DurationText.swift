/// Durations in Prometheus' notation (`prometheus/common: model/time.go`): whole numbers with units `y w d h m s ms`,
/// biggest first, each at most once, such as `1h30m`; a bare `0` is allowed. A day has 24 hours, a year 365 days.
public enum DurationText {
  private static let units: [(name: String, milliseconds: Int64)] = [
    ("y", 365 * 86_400_000), ("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000),
    ("ms", 1),
  ]

  /// What Prometheus can hold, an `Int64` of nanoseconds, is what is accepted.
  private static let millisecondsMax = Int64.max / 1_000_000

  /// Reads a duration; `nil` when the text is none or means more than 292 years.
  public static func parse(_ text: String) -> Duration? {
    if text == "0" { return .zero }
    var rest = text[...]
    var unitsLeft = units[...]
    var total: Int64 = 0
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let name = rest.prefix { $0.isASCII && $0.isLetter }
      rest = rest.dropFirst(name.count)
      guard let number = Int64(decimal: digits), let unit = unitsLeft.firstIndex(where: { $0.name == name }) else {
        return nil
      }
      let (span, tooLong) = number.multipliedReportingOverflow(by: units[unit].milliseconds)
      guard !tooLong, span <= millisecondsMax - total else { return nil }
      total += span
      unitsLeft = units[(unit + 1)...]
    }
    return text.isEmpty ? nil : .milliseconds(total)
  }

  /// The shortest text that reads back to the same duration, to the millisecond; years and weeks only where nothing
  /// remains, as in Prometheus (`90d` rather than `12w6d`).
  public static func string(_ duration: Duration) -> String {
    var rest = duration.wholeMilliseconds
    if rest == 0 { return "0s" }
    var text = ""
    for (name, span) in units {
      let wholeOnly = name == "y" || name == "w"
      guard rest >= span, !wholeOnly || rest % span == 0 else { continue }
      text += "\(rest / span)\(name)"
      rest %= span
    }
    return text
  }
}

extension Duration {
  /// Whole milliseconds, the unit of time inside the program; what is finer is cut off.
  public var wholeMilliseconds: Int64 {
    components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000
  }
}
