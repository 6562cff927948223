import Glibc

/// The address at the other end of a connection: of the client, or of the proxy before it.
public struct RemoteAddress: Sendable, Hashable, CustomStringConvertible {
  /// Network byte order. IPv4 takes the low four bytes of `low`, mapped as in RFC 4291 section 2.5.5.2.
  private let high: UInt64
  private let low: UInt64
  /// The client's port.
  public let port: UInt16

  private static let mappedPrefix: UInt64 = 0xffff << 32

  /// What is used where no peer is known, as in a request made by a test: `0.0.0.0:0`.
  static let unknown = RemoteAddress(high: 0, low: mappedPrefix, port: 0)

  private init(high: UInt64, low: UInt64, port: UInt16) {
    self.high = high
    self.low = low
    self.port = port
  }

  init(_ address: UnsafePointer<sockaddr>?) {
    guard let address else {
      self = .unknown
      return
    }
    let raw = UnsafeRawPointer(address)
    let port = UInt16(bigEndian: raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    switch Int32(raw.loadUnaligned(as: UInt16.self)) {
    case AF_INET:
      let ipv4 = UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
      self.init(high: 0, low: Self.mappedPrefix | UInt64(ipv4), port: port)
    case AF_INET6:
      self.init(
        high: UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
        low: UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: 16, as: UInt64.self)), port: port)
    default: self = .unknown
    }
  }

  /// An address as certificates have it: four or sixteen bytes.
  init?(bytes: some Collection<UInt8>) {
    func number(_ bytes: some Collection<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    switch bytes.count {
    case 4: self.init(high: 0, low: Self.mappedPrefix | number(bytes), port: 0)
    case 16: self.init(high: number(bytes.prefix(8)), low: number(bytes.dropFirst(8)), port: 0)
    default: return nil
    }
  }

  /// What one owner of addresses has: an IPv4 address, and in IPv6 a network of 64 bits, out of which a host takes
  /// addresses as it likes.
  var owner: RemoteAddress {
    let isIPv4 = high == 0 && low >> 32 == 0xffff
    return RemoteAddress(high: high, low: isIPv4 ? low : 0, port: 0)
  }

  /// The same address whatever the port: what tells clients apart.
  var client: RemoteAddress { RemoteAddress(high: high, low: low, port: 0) }

  /// The address alone, as `192.0.2.1` or `2001:db8::1`; IPv4 over an IPv6 socket reads as IPv4.
  public var host: String {
    if high == 0, low >> 32 == 0xffff {
      return (0..<4).reversed().map { String(UInt8(truncatingIfNeeded: low >> (8 * $0))) }.joined(separator: ".")
    }
    var bytes = (high.bigEndian, low.bigEndian)
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    guard inet_ntop(AF_INET6, &bytes, &text, socklen_t(text.count)) != nil else { return "::" }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  public var description: String {
    let host = host
    return host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}
