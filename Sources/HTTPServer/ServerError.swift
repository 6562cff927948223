import Glibc

/// Why a server, or a pool of threads, could not be started.
public enum ServerError: Error, Equatable, CustomStringConvertible {
  /// The text is not `host:port`.
  case addressMalformed(String)
  /// The host name means nothing to the resolver.
  case hostUnknown(String, reason: String)
  /// Something else listens there.
  case addressInUse(String)
  /// No interface of this machine has the address.
  case addressNotLocal(String)
  /// The port is reserved (below 1024 usually) or a security policy forbids it.
  case permissionDenied(String)
  /// Any other refusal while the socket was set up; `code` is the `errno`.
  case socketFailed(String, call: String, code: Int32)
  /// The HTTP library did not start.
  case engineRefused(code: Int32)
  /// The system has no thread left for us.
  case threadRefused(name: String, code: Int32)

  public var description: String {
    switch self {
    case .addressMalformed(let text):
      "listen address \"\(text)\" is not host:port, [IPv6]:port or :port with a port from 0 to 65535"
    case .hostUnknown(let host, let reason): "listen host \"\(host)\" cannot be resolved: \(reason)"
    case .addressInUse(let address): "\(address) is in use: stop what listens there or choose another port"
    case .addressNotLocal(let address): "\(address) is not an address of this machine"
    case .permissionDenied(let address): "\(address) may not be listened on: choose a port above 1023"
    case .socketFailed(let address, let call, let code): "\(call) for \(address) failed: \(errnoText(code))"
    case .engineRefused(let code):
      "the HTTP engine did not start" + (code == 0 ? "" : ": \(errnoText(code))")
        + ": check limits on threads and files"
    case .threadRefused(let name, let code): "thread \(name) could not be started: \(errnoText(code))"
    }
  }
}

/// The system's sentence for an `errno`.
func errnoText(_ code: Int32) -> String {
  var buffer = [CChar](repeating: 0, count: 256)
  guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
  return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
