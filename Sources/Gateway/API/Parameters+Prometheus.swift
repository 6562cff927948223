internal import Configuration
internal import Foundation
internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// Request parameters as Prometheus reads them (`web/api/v1/api.go`: parseTime, parseDuration, parseLimitParam,
/// parseMatchersParam). What is wrong is answered 400, naming the parameter.
extension Parameters {
  /// Times are clamped to this many milliseconds either side of 1970: clients do send absurd ones.
  static let timeMax: Int64 = 9_223_309_901_257_974_000 / 1000

  /// A moment in milliseconds: a number of Unix seconds, or RFC 3339.
  func time(_ name: String) throws(HTTPError) -> Int64? {
    guard let text = first(name), !text.isEmpty else { return nil }
    guard let time = Self.time(text) else {
      throw .invalid(name, "cannot parse \(text.quotedForPrometheus) to a valid timestamp")
    }
    return time
  }

  static func time(_ text: String) -> Int64? {
    if let seconds = Double(text) {
      guard seconds.isFinite else { return nil }
      return clamped((seconds * 1000).rounded())
    }
    // The two ends of Go's time, which clients send for "open".
    if text == "-292273086-05-16T16:47:06Z" { return -timeMax }
    if text == "292277025-08-18T07:12:54.999999999Z" { return timeMax }
    for style in [Date.ISO8601FormatStyle(), Date.ISO8601FormatStyle(includingFractionalSeconds: true)] {
      if let date = try? style.parse(text) { return clamped((date.timeIntervalSince1970 * 1000).rounded()) }
    }
    return nil
  }

  private static func clamped(_ milliseconds: Double) -> Int64 {
    Int64(max(min(milliseconds, Double(timeMax)), -Double(timeMax)))
  }

  /// A duration in milliseconds, positive: a number of seconds, or Prometheus notation.
  func duration(_ name: String) throws(HTTPError) -> Int64? {
    guard let text = first(name), !text.isEmpty else { return nil }
    if let seconds = Double(text), seconds.isFinite, seconds.magnitude < 9e12 {
      return Int64((seconds * 1000).rounded())
    }
    guard let duration = DurationText.parse(text) else {
      throw .invalid(name, "cannot parse \(text.quotedForPrometheus) to a valid duration")
    }
    return duration.wholeMilliseconds
  }

  /// At least 0, which means no limit.
  func limit(_ name: String = "limit") throws(HTTPError) -> Int {
    guard let text = first(name), !text.isEmpty else { return 0 }
    guard let limit = Int(text) else {
      throw .invalid(name, "cannot parse \(text.quotedForPrometheus) to a whole number")
    }
    guard limit >= 0 else { throw .invalid(name, "limit must be non-negative") }
    return limit
  }

  /// The selectors of `match[]`; none when there is none.
  func selectors() throws(HTTPError) -> [[Matcher]] {
    var selectors: [[Matcher]] = []
    for text in all("match[]") {
      let matchers: [Matcher]
      do throws(ParseError) {
        matchers = try parseSelector(text)
      } catch {
        throw .invalid("match[]", "\(error)")
      }
      guard matchers.selectsSomething else {
        throw .invalid("match[]", "match[] must contain at least one non-empty matcher")
      }
      selectors.append(matchers)
    }
    return selectors
  }

  /// A switch, in the words that Go takes: `true`, `1`, `t`, `false`, `0`, `f`.
  func flag(_ name: String) throws(HTTPError) -> Bool? {
    switch first(name) {
    case nil, "": return nil
    case "true", "1", "t", "T", "TRUE", "True": return true
    case "false", "0", "f", "F", "FALSE", "False": return false
    case let text?: throw .invalid(name, "\(text.quotedForPrometheus) is neither true nor false")
    }
  }

  /// One of a few words.
  func choice<Word: RawRepresentable & CaseIterable>(
    _ name: String, _: Word.Type
  ) throws(HTTPError) -> Word? where Word.RawValue == String {
    guard let text = first(name), !text.isEmpty else { return nil }
    if let word = Word(rawValue: text) { return word }
    let known = Word.allCases.map(\.rawValue).joined(separator: ", ")
    throw .invalid(name, "\(text.quotedForPrometheus) is none of \(known)")
  }
}

extension HTTPError {
  static func invalid(_ parameter: String, _ cause: String) -> HTTPError {
    .badRequest("invalid parameter \(parameter.quotedForPrometheus): \(cause)")
  }
}
