/// Why one sample of a record was left out. Its neighbours are kept.
public enum SampleRejection: String, Error, Sendable, CaseIterable {
  /// The element of the array is no JSON object.
  case notAnObject = "not_an_object"
  /// A label, `value` or `timestamp` is an object or array.
  case nested = "nested_value"
  case missingName = "missing_name"
  case missingValue = "missing_value"
  case missingTimestamp = "missing_timestamp"
  case badValue = "bad_value"
  case badTimestamp = "bad_timestamp"
  /// The same key twice.
  case repeatedLabel = "repeated_label"
  case emptyLabelName = "empty_label_name"
  case invalidUTF8 = "invalid_utf8"
  /// More members than any limit on labels would let through.
  case tooManyMembers = "too_many_members"
}

/// Where and why a record stopped being JSON. The samples before that place are kept.
public struct JSONFault: Error, Equatable, Sendable, CustomStringConvertible {
  /// Offset into the unpacked text, in bytes.
  public let byte: Int
  public let expected: String

  public var description: String { "broken JSON at byte \(byte): expected \(expected)" }
}
