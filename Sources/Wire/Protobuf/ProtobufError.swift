/// Why bytes are no message of the kind that was expected: what is wrong, in which field, and where.
public struct ProtobufError: Error, Sendable {
  public enum Problem: Equatable, Sendable {
    /// The message ends within a number.
    case truncated
    /// A number that goes on after ten bytes, which hold 64 bits.
    case varintTooLong
    /// A length that reaches beyond the end of the message around it.
    case lengthBeyondMessage(claimed: UInt64, left: Int)
    /// Groups (3 and 4), which no message here has, and the types that mean nothing (6 and 7).
    case unknownWireType(UInt8)
    /// Field numbers go from 1 to 2²⁹ − 1.
    case fieldNumber(UInt64)
    /// The field is known and of another type.
    case wrongWireType(UInt8)
    /// Numbers of fixed size that do not fill their packed field.
    case unevenPacking(length: Int)
    /// Names and values are UTF-8.
    case notUTF8
    /// Well-formed, and not allowed; the text says why.
    case value(String)
  }

  public let problem: Problem
  /// Message and field, such as `LabelMatcher.name`; the message alone where no field was begun.
  public let field: StaticString
  /// Where in the unpacked body, counted from 0.
  public let byte: Int

  init(_ problem: Problem, _ field: StaticString, byte: Int) {
    self.problem = problem
    self.field = field
    self.byte = byte
  }
}

extension ProtobufError: CustomStringConvertible {
  public var description: String {
    let what =
      switch problem {
      case .truncated: "the message ends within a number"
      case .varintTooLong: "a number is longer than ten bytes"
      case .lengthBeyondMessage(let claimed, let left): "a length of \(claimed) where \(left) bytes are left"
      case .unknownWireType(let type): "wire type \(type), which no field has"
      case .fieldNumber(let number): "\(number) is no field number"
      case .wrongWireType(let type): "wire type \(type) is not this field's"
      case .unevenPacking(let length): "\(length) bytes of packed numbers, which is not a whole number of them"
      case .notUTF8: "the text is not UTF-8"
      case .value(let why): why
      }
    return "\(field), byte \(byte): \(what)"
  }
}

extension ProtobufError: Equatable {
  public static func == (a: ProtobufError, b: ProtobufError) -> Bool {
    a.problem == b.problem && a.byte == b.byte && a.field.description == b.field.description
  }
}
