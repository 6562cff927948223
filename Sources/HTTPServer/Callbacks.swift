internal import CMicroHTTPD
import Glibc

// What the engine calls, all on its I/O threads. `context` is the `ServerCore`; the slot is the request's own, and
// holds its `Exchange`: +1 in `targetReceived`, −1 in `requestCompleted`, which the engine calls for every request for
// which it called the former.

private func core(_ context: UnsafeMutableRawPointer?) -> ServerCore? {
  context.map { Unmanaged<ServerCore>.fromOpaque($0).takeUnretainedValue() }
}

/// A connection is open, and its slot filled: +1; or it is about to be closed: −1.
func connectionChanged(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ what: MHD_ConnectionNotificationCode
) {
  guard let core = core(context), let connection, let slot else { return }
  if what == .CONNECTION_NOTIFY_STARTED {
    let client = ClientConnection(
      socket: mhd_socket(connection), client: RemoteAddress(mhd_client_address(connection)).client,
      tls: core.beginTLS(on: connection), firstRequestWithin: core.settings.requestTimeout)
    core.connections.opened(client)
    slot.pointee = Unmanaged.passRetained(client).toOpaque()
  } else if let opaque = slot.pointee {
    slot.pointee = nil
    let client = Unmanaged<ClientConnection>.fromOpaque(opaque).takeRetainedValue()
    core.connections.closed(client)
    if let tls = client.tls, !tls.isEstablished { core.countTLSFailure(tls.failure ?? .other) }
  }
}

/// The request line is complete. What is returned becomes the content of the request's slot.
func targetReceived(
  _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let core = core(context), let connection else { return nil }
  let exchange = Exchange(core: core, connection: connection, target: target)
  core.add(exchange)
  return Unmanaged.passRetained(exchange).toOpaque()
}

/// There is something to do for a request: headers, a part of the body, its end, or it has been resumed.
func requestProgressed(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?, _ url: UnsafePointer<CChar>?,
  _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ part: UnsafePointer<CChar>?,
  _ partBytes: UnsafeMutablePointer<Int>?, _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let opaque = slot?.pointee else { return .NO }
  return Unmanaged<Exchange>.fromOpaque(opaque).takeUnretainedValue()
    .called(method: method, version: version, part: part, partBytes: partBytes)
}

/// The request is over, in whatever way.
func requestCompleted(
  _ context: UnsafeMutableRawPointer?, _ connection: OpaquePointer?,
  _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ code: MHD_RequestTerminationCode
) {
  guard let slot, let opaque = slot.pointee else { return }
  slot.pointee = nil
  Unmanaged<Exchange>.fromOpaque(opaque).takeRetainedValue().finish(code)
}

/// The engine has something to say.
func messageLogged(
  _ context: UnsafeMutableRawPointer?, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?
) {
  guard let log = core(context)?.hooks.log, let format, let arguments else { return }
  var text = [CChar](repeating: 0, count: 1024)
  vsnprintf(&text, text.count, format, arguments)
  let bytes = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
  var line = String(decoding: bytes, as: UTF8.self)
  while line.hasSuffix("\n") { line.removeLast() }
  log(line)
}
