import Glibc

/// Where a server listens: a host and a port.
public struct ListenAddress: Sendable, Equatable, CustomStringConvertible {
  /// A name, an IPv4 or IPv6 address without brackets, or empty for every address of the machine, IPv4 and IPv6.
  public var host: String
  /// 0 lets the system choose a free one.
  public var port: UInt16

  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Reads `127.0.0.1:9797`, `[::1]:0`, `localhost:80`, `:9797`.
  public init(parsing text: String) throws(ServerError) {
    let bytes = Array(text.utf8)
    guard let colon = bytes.lastIndex(of: UInt8(ascii: ":")), colon + 1 < bytes.count,
      bytes[(colon + 1)...].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let port = UInt16(String(decoding: bytes[(colon + 1)...], as: UTF8.self))
    else { throw .addressMalformed(text) }
    var host = bytes[..<colon]
    if host.first == UInt8(ascii: "["), host.last == UInt8(ascii: "]") {
      host = host.dropFirst().dropLast()
      guard !host.isEmpty else { throw .addressMalformed(text) }
    } else if host.contains(UInt8(ascii: ":")) {
      throw .addressMalformed(text)  // an IPv6 address without brackets: where would the port begin?
    }
    self.init(host: String(decoding: host, as: UTF8.self), port: port)
  }

  public var description: String {
    host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)"
  }
}

/// A bound, listening socket. Its one owner closes it, unless somebody takes it over.
struct ListenSocket: ~Copyable {
  let descriptor: Int32
  /// The port in use, which the system chose if 0 was asked for.
  let port: UInt16

  /// Connections the kernel completes before they are accepted.
  private static let backlog: Int32 = 511

  /// Listens on `address`. For an empty host one socket serves IPv4 and IPv6; a name is taken at its first address,
  /// IPv4 before IPv6.
  init(_ address: ListenAddress) throws(ServerError) {
    if address.host.isEmpty {
      do {
        try self.init(address, host: "::", family: AF_INET6)
      } catch .socketFailed, .hostUnknown, .addressNotLocal {  // a machine without IPv6
        try self.init(address, host: "0.0.0.0", family: AF_INET)
      }
    } else {
      do {
        try self.init(address, host: address.host, family: AF_INET)
      } catch .hostUnknown {
        try self.init(address, host: address.host, family: AF_INET6)
      }
    }
  }

  private init(_ address: ListenAddress, host: String, family: Int32) throws(ServerError) {
    var hints = addrinfo()
    hints.ai_family = family
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
    var list: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, String(address.port), &hints, &list)
    defer { if let list { freeaddrinfo(list) } }
    guard status == 0, let found = list?.pointee else {
      throw .hostUnknown(host, reason: String(cString: gai_strerror(status)))
    }
    let kind = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(found.ai_family, kind, 0)
    guard descriptor >= 0 else { throw .socketFailed(address.description, call: "socket", code: errno) }
    do {
      try Self.listen(descriptor, found, isEveryAddress: address.host.isEmpty, named: address.description)
    } catch {
      close(descriptor)
      throw error
    }
    self.descriptor = descriptor
    port = Self.boundPort(of: descriptor)
  }

  deinit { close(descriptor) }

  /// Gives the descriptor to the caller, who closes it from here on.
  consuming func release() -> Int32 {
    let descriptor = descriptor
    discard self
    return descriptor
  }

  private static func listen(
    _ descriptor: Int32, _ found: addrinfo, isEveryAddress: Bool, named name: String
  ) throws(ServerError) {
    var on: Int32 = 1
    // A restarted server may listen again while connections of its predecessor linger in TIME_WAIT.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    if found.ai_family == AF_INET6 {
      var onlyIPv6: Int32 = isEveryAddress ? 0 : 1
      setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &onlyIPv6, socklen_t(MemoryLayout<Int32>.size))
    }
    guard bind(descriptor, found.ai_addr, found.ai_addrlen) == 0 else {
      switch errno {
      case EADDRINUSE: throw .addressInUse(name)
      case EADDRNOTAVAIL: throw .addressNotLocal(name)
      case EACCES, EPERM: throw .permissionDenied(name)
      case let code: throw .socketFailed(name, call: "bind", code: code)
      }
    }
    guard Glibc.listen(descriptor, backlog) == 0 else {
      // With SO_REUSEADDR the kernel may notice the other listener only here.
      let code = errno
      throw code == EADDRINUSE ? .addressInUse(name) : .socketFailed(name, call: "listen", code: code)
    }
  }

  private static func boundPort(of descriptor: Int32) -> UInt16 {
    var storage = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutableBytes(of: &storage) { raw in
      guard let base = raw.baseAddress,
        getsockname(descriptor, base.assumingMemoryBound(to: sockaddr.self), &length) == 0
      else { return 0 }
      // The port is at the same place in both families.
      return UInt16(bigEndian: raw.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
    }
  }
}
