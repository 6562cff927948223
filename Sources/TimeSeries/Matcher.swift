/// One `name op "value"` of a selector.
public struct Matcher: Sendable {
  public enum Operation: String, Sendable, CaseIterable {
    case equal = "="
    case notEqual = "!="
    case regexMatch = "=~"
    case regexNoMatch = "!~"
  }

  public let name: String
  public let operation: Operation
  public let value: String
  /// Compiled, for the two regex operations.
  public let regex: AnchoredRegex?

  /// - Throws: when `operation` is a regex and `value` is none.
  public init(_ name: String, _ operation: Operation, _ value: String) throws(AnchoredRegex.SyntaxError) {
    self.name = name
    self.operation = operation
    self.value = value
    switch operation {
    case .regexMatch, .regexNoMatch: regex = try AnchoredRegex(value)
    case .equal, .notEqual: regex = nil
    }
  }

  public init(_ name: String, equals value: String) {
    self.name = name
    self.operation = .equal
    self.value = value
    regex = nil
  }

  /// Whether a label of this value passes; an absent label has the empty value.
  public func matches(_ text: String) -> Bool {
    switch operation {
    case .equal: text.hasSameBytes(as: value)
    case .notEqual: !text.hasSameBytes(as: value)
    case .regexMatch: regex?.matches(text) ?? false
    case .regexNoMatch: !(regex?.matches(text) ?? true)
    }
  }

  /// Whether series without this label pass.
  public var matchesEmpty: Bool { matches("") }
}

extension Matcher: Equatable {
  public static func == (a: Matcher, b: Matcher) -> Bool {
    a.operation == b.operation && a.name.hasSameBytes(as: b.name) && a.value.hasSameBytes(as: b.value)
  }
}

extension Matcher: CustomStringConvertible {
  public var description: String {
    "\(name.isLegacyLabelName ? name : name.quotedForPrometheus)\(operation.rawValue)\(value.quotedForPrometheus)"
  }
}
