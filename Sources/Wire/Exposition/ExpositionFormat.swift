/// The text formats in which a page of metrics is written.
public enum ExpositionFormat: Sendable, CaseIterable {
  /// Prometheus text 0.0.4 (`prometheus/docs: docs/instrumenting/exposition_formats.md`). Timestamps are milliseconds.
  case text004
  /// OpenMetrics 1.0 text (`prometheus/docs: docs/specs/om/open_metrics_spec.md`). Timestamps are seconds.
  case openMetrics100

  /// What a page is written in for a client that sent this `Accept` header. Never a refusal: who asks for nothing that
  /// we speak, or for nothing at all, gets text 0.0.4 with names in the classic alphabet.
  ///
  /// Clauses go by weight, then by place. A clause whose weight is no number within 0…1, or is 0, counts for nothing:
  /// Prometheus 2.49.0 sends `*/*;q=2` as its last resort. OpenMetrics is matched as 1.0.0, 0.0.1 or without a version,
  /// plain text as 0.0.4 or without one; text 1.0.0 is not, as in `prometheus/common: expfmt/expfmt.go`. The escaping
  /// is that of the matched clause, else the first one named anywhere, else underscores.
  /// - Parameter openMetrics: whether OpenMetrics is on offer; `/federate` offers text alone.
  public static func negotiate(accept: String?, openMetrics: Bool = true) -> ExpositionDialect {
    let clauses = AcceptClause.parse(accept ?? "")
    let named = clauses.lazy.compactMap(\.escaping).first
    for clause in clauses {
      guard let format = clause.format, openMetrics || format != .openMetrics100 else { continue }
      return ExpositionDialect(format: format, escaping: clause.escaping ?? named ?? .underscores)
    }
    return ExpositionDialect(format: .text004, escaping: named ?? .underscores)
  }
}

/// A format together with what becomes of names outside the classic alphabet: all that decides how a page looks.
public struct ExpositionDialect: Sendable, Hashable {
  public var format: ExpositionFormat
  public var escaping: NameEscaping

  public init(format: ExpositionFormat, escaping: NameEscaping) {
    self.format = format
    self.escaping = escaping
  }

  /// The `Content-Type` of a page in this dialect. Prometheus 3 refuses a page without one that it knows.
  public var contentType: String {
    switch format {
    case .text004: "text/plain; version=0.0.4; charset=utf-8; escaping=\(escaping.rawValue)"
    case .openMetrics100: "application/openmetrics-text; version=1.0.0; charset=utf-8; escaping=\(escaping.rawValue)"
    }
  }
}

/// One clause of an `Accept` header, as far as it matters here.
private struct AcceptClause {
  let format: ExpositionFormat?
  let escaping: NameEscaping?
  let weight: Double

  /// The usable clauses, best first. Case, blanks around separators and quotes around values do not matter.
  static func parse(_ header: String) -> [AcceptClause] {
    header.split(separator: ",").compactMap { AcceptClause(String($0)) }
      .enumerated()
      .sorted { ($1.element.weight, $0.offset) < ($0.element.weight, $1.offset) }
      .map(\.element)
  }

  private init?(_ text: String) {
    var parts = text.lowercased().split(separator: ";", omittingEmptySubsequences: false)[...]
    let mediaType = trim(parts.removeFirst())
    var parameters: [String: String] = [:]
    for part in parts {
      let sides = part.split(separator: "=", maxSplits: 1)
      guard sides.count == 2 else { continue }
      // Of a repeated parameter the first counts: Prometheus 3.0 repeats `escaping` within a clause.
      let name = trim(sides[0])
      if parameters[name] == nil { parameters[name] = trim(sides[1]) }
    }
    let weight = parameters["q"].map { Double($0) ?? .nan } ?? 1
    guard weight > 0, weight <= 1 else { return nil }  // false for NaN too
    self.weight = weight
    escaping = parameters["escaping"].flatMap(NameEscaping.init(rawValue:))
    switch (mediaType, parameters["version"]) {
    case ("application/openmetrics-text", nil), ("application/openmetrics-text", "0.0.1"),
      ("application/openmetrics-text", "1.0.0"):
      format = .openMetrics100
    case ("text/plain", nil), ("text/plain", "0.0.4"), ("text/*", _), ("*/*", _): format = .text004
    default: format = nil
    }
  }
}

private func trim(_ text: Substring) -> String {
  var text = text[...]
  while let last = text.unicodeScalars.last, last == " " || last == "\t" || last == "\"" { text.removeLast() }
  return String(text.drop { $0 == " " || $0 == "\t" || $0 == "\"" })
}
