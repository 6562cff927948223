/// Where the HTTP server listens: `host:port`, `[IPv6 address]:port`, or `:port` for all IPv4 addresses.
public struct ListenAddress: Sendable, Equatable {
  /// A host name or an address without brackets.
  public var host: String
  /// 0 picks a free port.
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads an address as users write it; `nil` when it is none.
  public init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(decimal: text[text.index(after: colon)...]) else {
      return nil
    }
    var host = text[..<colon]
    if host.hasPrefix("[") {
      guard host.hasSuffix("]"), host.count > 2 else { return nil }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    let known = host.utf8.allSatisfy { (0x21...0x7e).contains($0) && !"[]/\"'\\@".utf8.contains($0) }
    guard known else { return nil }
    self.init(host: host.isEmpty ? "0.0.0.0" : String(host), port: port)
  }
}

extension ListenAddress: CustomStringConvertible {
  public var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension FixedWidthInteger {
  /// Digits and nothing else: `Int("+1")` would be taken by the standard library.
  init?(decimal text: some StringProtocol) {
    guard !text.isEmpty, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    self.init(text, radix: 10)
  }
}
