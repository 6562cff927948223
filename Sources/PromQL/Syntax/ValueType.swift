/// The types of PromQL's values; the raw value is the `resultType` of the HTTP API.
public enum ValueType: String, Sendable, Hashable {
  case scalar
  case vector
  case matrix
  case string

  /// The name that the documentation and error messages use.
  public var documentedName: String {
    switch self {
    case .vector: "instant vector"
    case .matrix: "range vector"
    case .scalar, .string: rawValue
    }
  }
}
