/// Named values from a query or a form, in the order they were sent. Names are compared byte by byte.
public struct Parameters: Sendable {
  /// Every pair, also repeated and empty ones.
  public let items: [(name: String, value: String)]

  /// Far more than anybody needs; it bounds the memory that a body of many tiny pairs takes.
  static let countMax = 10_000

  public init(_ items: [(name: String, value: String)] = []) {
    self.items = items
  }

  /// Reads `name=value&…` (URL standard, application/x-www-form-urlencoded): `+` is a space, a pair without `=` has an
  /// empty value, empty pairs are skipped.
  /// - Throws: `HTTPError` 400 that names the pair whose percent-encoding is malformed or not UTF-8, or if there are
  ///   more than `countMax` pairs.
  public init(parsing bytes: ArraySlice<UInt8>) throws(HTTPError) {
    var items: [(name: String, value: String)] = []
    // One split more than allowed: what is left over then stands for all the rest.
    for (index, pair) in bytes.split(separator: UInt8(ascii: "&"), maxSplits: Self.countMax).enumerated() {
      guard index < Self.countMax else { throw HTTPError.badRequest("there are more than \(Self.countMax) parameters") }
      let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
      guard let name = PercentEncoding.decode(pair[..<equals], plusIsSpace: true) else {
        throw HTTPError.badRequest("the name of parameter \(index + 1) is malformed: invalid percent-encoding or UTF-8")
      }
      guard let value = PercentEncoding.decode(pair[equals...].dropFirst(), plusIsSpace: true) else {
        throw HTTPError.badRequest("the value of parameter \"\(name)\" is malformed: invalid percent-encoding or UTF-8")
      }
      items.append((name, value))
    }
    self.items = items
  }

  /// The value that counts where a name is meant to come once: the first.
  public func first(_ name: String) -> String? {
    items.first { hasSameBytes($0.name, name) }?.value
  }

  /// Every value of `name`, in order.
  public func all(_ name: String) -> [String] {
    items.filter { hasSameBytes($0.name, name) }.map(\.value)
  }

  /// Whether `name` was sent, whatever its value.
  public func contains(_ name: String) -> Bool {
    items.contains { hasSameBytes($0.name, name) }
  }
}
