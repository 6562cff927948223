internal import Glibc

/// The topics to read: names, and regular expressions that start with `^`.
///
/// The expressions are POSIX extended ones in the C library's dialect: what librdkafka itself makes of them when it
/// subscribes, so that both modes mean the same. They are not anchored at the end.
///
/// `@unchecked Sendable`: the compiled expressions are not changed after `init`, and `regexec` is thread-safe.
package final class TopicSelection: @unchecked Sendable {
  let names: [String]
  let patterns: [String]
  private let compiled: [UnsafeMutablePointer<regex_t>]

  /// - Throws: ``SettingsError/topic(_:reason:)`` for an empty list, a name Kafka cannot have, or a bad expression.
  package init(_ topics: [String]) throws(SettingsError) {
    guard !topics.isEmpty else { throw .topic("", reason: "no topic given") }
    var names: [String] = []
    var patterns: [String] = []
    var compiled: [UnsafeMutablePointer<regex_t>] = []
    var failure: SettingsError?
    for topic in topics where failure == nil {
      if topic.hasPrefix("^") {
        let regex = UnsafeMutablePointer<regex_t>.allocate(capacity: 1)
        let code = regcomp(regex, topic, REG_EXTENDED | REG_NOSUB)
        guard code == 0 else {
          var buffer = [CChar](repeating: 0, count: 256)
          regerror(code, regex, &buffer, buffer.count)
          regex.deallocate()
          let reason = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
          failure = .topic(topic, reason: "not a regular expression: \(reason)")
          continue
        }
        patterns.append(topic)
        compiled.append(regex)
      } else if let reason = TopicSelection.flaw(of: topic) {
        failure = .topic(topic, reason: reason)
      } else if !names.contains(topic) {
        names.append(topic)
      }
    }
    self.names = names
    self.patterns = patterns
    self.compiled = compiled
    if let failure { throw failure }
  }

  deinit {
    for regex in compiled {
      regfree(regex)
      regex.deallocate()
    }
  }

  var hasPatterns: Bool { !patterns.isEmpty }

  /// Kafka's own topics (`__consumer_offsets`, …) are found by an expression only if one is about them by its look.
  var hidesInternalTopics: Bool { !(names + patterns.map { String($0.dropFirst()) }).contains { $0.hasPrefix("__") } }

  package func includes(_ topic: String) -> Bool {
    if names.contains(topic) { return true }
    if hidesInternalTopics && topic.hasPrefix("__") { return false }
    return compiled.contains { regexec($0, topic, 0, nil, 0) == 0 }
  }

  /// Kafka's rule for names: 1 to 249 of `a-z A-Z 0-9 . _ -`, and neither `.` nor `..`.
  static func flaw(of name: String) -> String? {
    let allowed = name.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
        true
      default: false
      }
    }
    if name.isEmpty { return "the name is empty" }
    if name == "." || name == ".." { return "not a name that Kafka allows" }
    if name.utf8.count > 249 { return "the name is longer than 249 bytes" }
    return allowed ? nil : "a name has letters, digits, '.', '_' and '-' only; a regular expression starts with '^'"
  }
}
