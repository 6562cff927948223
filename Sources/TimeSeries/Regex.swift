internal import CRE2

/// A regular expression in RE2 syntax, anchored at both ends, in which `.` matches a newline too: what Prometheus 3
/// means by a regex everywhere. Its running time is linear in the text.
///
/// `@unchecked Sendable`: the compiled program is immutable; RE2 guards its DFA cache itself.
public final class AnchoredRegex: @unchecked Sendable {
  public let pattern: String
  private let compiled: OpaquePointer

  public struct SyntaxError: Error, CustomStringConvertible, Sendable {
    public let pattern: String
    public let reason: String
    public var description: String { "error parsing regexp \(pattern.quotedForPrometheus): \(reason)" }
  }

  /// - Parameter memoryMax: bytes that the program and its caches may take; a pattern that needs more is refused.
  public init(_ pattern: String, memoryMax: Int64 = 8 << 20) throws(SyntaxError) {
    var reason = [CChar](repeating: 0, count: 256)
    var text = pattern
    guard text.withUTF8({ RegexSize.estimate($0) }) <= RegexSize.limit else {
      throw SyntaxError(pattern: pattern, reason: "pattern too large - compile failed")
    }
    let compiled = text.withUTF8 { bytes in
      bytes.withMemoryRebound(to: CChar.self) {
        promring_re2_compile($0.baseAddress, $0.count, memoryMax, &reason, reason.count)
      }
    }
    guard let compiled else {
      let message = reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
      throw SyntaxError(pattern: pattern, reason: String(decoding: message, as: UTF8.self))
    }
    self.pattern = pattern
    self.compiled = compiled
  }

  deinit { promring_re2_free(compiled) }

  public func matches(_ text: String) -> Bool {
    var text = text
    return text.withUTF8 { matches($0) }
  }

  public func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.withMemoryRebound(to: CChar.self) { promring_re2_full_match(compiled, $0.baseAddress, $0.count) }
  }

  /// Number of capturing groups.
  public var groupCount: Int { Int(promring_re2_group_count(compiled)) }

  /// The name of group `index` (1-based), if it has one.
  public func groupName(_ index: Int) -> String? {
    promring_re2_group_name(compiled, Int32(index)).map { String(cString: $0) }
  }

  /// The groups of a match over the whole of `text`, the first being the match itself; `nil` when it does not match.
  /// A group that took no part is `nil`.
  public func groups(in text: String) -> [String?]? {
    let count = groupCount + 1
    var begins = [Int32](repeating: -1, count: count)
    var ends = begins
    var text = text
    return text.withUTF8 { bytes in
      let matched = bytes.withMemoryRebound(to: CChar.self) {
        promring_re2_groups(compiled, $0.baseAddress, $0.count, &begins, &ends, Int32(count))
      }
      guard matched else { return nil }
      return (0..<count).map { i in
        begins[i] < 0 ? nil : String(decoding: bytes[Int(begins[i])..<Int(ends[i])], as: UTF8.self)
      }
    }
  }
}
