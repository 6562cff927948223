import Glibc
import HTTPServer

/// A client that shows every byte: what a comfortable one repairs or hides is what the tests are about.
final class RawClient {
  struct Failure: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  struct Reply {
    var status = 0
    var fields: [(name: String, value: String)] = []
    var body: [UInt8] = []
    /// Whether the body ended as its framing said, and not because the connection did.
    var isWhole = false

    subscript(name: String) -> String? {
      fields.first { $0.name.lowercased() == name.lowercased() }?.value
    }
    var text: String { String(decoding: body, as: UTF8.self) }
  }

  let descriptor: Int32
  private var received: [UInt8] = []
  private var part = filled(64 << 10, with: 0)
  private var isOpen = true

  /// - Parameter receiveBytes: the kernel's receive buffer, to be a slow reader with little in flight.
  init(_ port: UInt16, receiveBytes: Int32? = nil, isIPv6: Bool = false) throws {
    descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    if var receiveBytes {
      setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receiveBytes, socklen_t(MemoryLayout<Int32>.size))
    }
    guard (isIPv6 ? Self.connectIPv6(descriptor, port) : Self.connectIPv4(descriptor, port)) == 0 else {
      throw Failure(description: "connect: errno \(errno)")
    }
  }

  /// Whether this machine has the loopback address `::1`.
  static let hasIPv6: Bool = {
    let descriptor = socket(AF_INET6, Int32(SOCK_STREAM.rawValue), 0)
    defer { Glibc.close(descriptor) }
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_addr = in6addr_loopback
    return withUnsafeBytes(of: &address) { raw in
      bind(descriptor, raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count)) == 0
    }
  }()

  private static func connectIPv4(_ descriptor: Int32, _ port: UInt16) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafeBytes(of: &address) { raw in
      connect(descriptor, raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
    }
  }

  private static func connectIPv6(_ descriptor: Int32, _ port: UInt16) -> Int32 {
    var address = sockaddr_in6()
    address.sin6_family = sa_family_t(AF_INET6)
    address.sin6_port = port.bigEndian
    address.sin6_addr = in6addr_loopback
    return withUnsafeBytes(of: &address) { raw in
      connect(descriptor, raw.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(raw.count))
    }
  }

  deinit { close() }

  func close() {
    if isOpen { Glibc.close(descriptor) }
    isOpen = false
  }

  /// Closes with a reset, as a client that crashed.
  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }

  func send(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
      guard count > 0 else { throw Failure(description: "send: errno \(errno)") }
      rest = rest.dropFirst(count)
    }
  }

  /// Sends a request with `Host`, and `Content-Length` if there is a body.
  func request(_ line: String, _ fields: [String] = [], body: String? = nil, version: String = "HTTP/1.1") throws {
    var text = "\(line) \(version)\r\nHost: test\r\n"
    for field in fields { text += field + "\r\n" }
    if let body { text += "Content-Length: \(body.utf8.count)\r\n" }
    try send(Array((text + "\r\n" + (body ?? "")).utf8))
  }

  /// Sends a request and reads its reply.
  func ask(
    _ line: String, _ fields: [String] = [], body: String? = nil, version: String = "HTTP/1.1"
  ) throws -> Reply {
    try request(line, fields, body: body, version: version)
    return try reply(isHead: line.hasPrefix("HEAD "))
  }

  func reply(isHead: Bool = false) throws -> Reply {
    var reply = Reply()
    let start = try line().split(separator: " ", maxSplits: 2)
    guard start.count >= 2, let status = Int(start[1]) else { throw Failure(description: "status line \(start)") }
    reply.status = status
    while case let field = try line(), !field.isEmpty {
      let parts = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      let value = parts.count == 2 ? parts[1].drop { $0 == " " } : ""
      reply.fields.append((String(parts[0]), String(value)))
    }
    if isHead || [100, 204, 304].contains(status) {
      reply.isWhole = true
    } else if let length = reply["Content-Length"].flatMap({ Int($0) }) {
      reply.isWhole = try take(length, into: &reply.body)
    } else if reply["Transfer-Encoding"] == "chunked" {
      reply.isWhole = try takeChunks(into: &reply.body)
    } else {
      while try receive() > 0 {}
      reply.body = received
      received = []
      reply.isWhole = true
    }
    return reply
  }

  /// The header section, up to its empty line, for those who then read the body as it comes.
  func skipHead() throws -> String {
    var head = ""
    while case let field = try line(), !field.isEmpty { head += field + "\n" }
    return head
  }

  /// The next chunk of a chunked body; empty for the last.
  func chunk() throws -> [UInt8] {
    var bytes: [UInt8] = []
    guard let size = Int(try line(), radix: 16) else { throw Failure(description: "chunk size") }
    guard try take(size + 2, into: &bytes) else { throw Failure(description: "chunk cut off") }
    return Array(bytes.dropLast(2))
  }

  /// Reads and forgets at least `count` bytes.
  func discard(_ count: Int) throws {
    while received.count < count { guard try receive() > 0 else { break } }
    received.removeFirst(min(count, received.count))
  }

  /// Whether the server closes the connection, reading whatever comes before.
  func isClosedByServer() -> Bool {
    while true {
      guard let count = try? receive() else { return true }  // reset
      if count == 0 { return true }
    }
  }

  /// Whether nothing is there to be read now.
  func isQuiet() -> Bool {
    var byte: UInt8 = 0
    return received.isEmpty && recv(descriptor, &byte, 1, Int32(MSG_PEEK | MSG_DONTWAIT)) < 0
      && errno == EAGAIN
  }

  private func line() throws -> String {
    while true {
      if let end = received.firstIndex(of: 0x0a) {
        let line = String(decoding: received[..<end].filter { $0 != 0x0d }, as: UTF8.self)
        received.removeFirst(end + 1)
        return line
      }
      guard try receive() > 0 else { throw Failure(description: "closed within a line after \(received.count) bytes") }
    }
  }

  private func take(_ count: Int, into body: inout [UInt8]) throws -> Bool {
    while received.count < count {
      guard let read = try? receive(), read > 0 else { break }
    }
    body.append(contentsOf: received.prefix(count))
    let isWhole = received.count >= count
    received.removeFirst(min(count, received.count))
    return isWhole
  }

  private func takeChunks(into body: inout [UInt8]) throws -> Bool {
    while true {
      guard let size = (try? line()).flatMap({ Int($0, radix: 16) }) else { return false }
      guard try take(size, into: &body) else { return false }
      guard (try? line()) != nil else { return false }
      if size == 0 { return true }
    }
  }

  @discardableResult
  private func receive() throws -> Int {
    let count = recv(descriptor, &part, part.count, 0)
    guard count >= 0 else { throw Failure(description: "receive: errno \(errno)") }
    received.append(contentsOf: part[..<count])
    return count
  }
}
