internal import Configuration
internal import Glibc
internal import HTTPServer
internal import Logging
internal import Synchronization

/// Who may reach the server: keeps what the files say in force while they change. What cannot be used is reported and
/// changes nothing, so that the last good certificate and the last good users stay.
final class WebAccess: Sendable {
  struct Status: Sendable {
    var isSuccess = true
    /// Milliseconds since the Unix epoch.
    var lastSuccessAt: Int64
    /// When the certificate ends, in seconds since the Unix epoch.
    var certificateEnd: Int64?
  }

  private struct State {
    var config = WebConfig()
    var headers: [WebConfig.Header] = []
    var stamps: [String: FileStamp?] = [:]
    var status: Status
    var replaceTLS: (@Sendable (TLSContext) -> Void)?
  }

  let gatekeeper: Gatekeeper
  /// What the server starts with; `nil` for plain HTTP.
  let tls: TLSContext?
  private let loader: WebConfigLoader?
  private let state: Mutex<State>
  /// Held by whoever reads: what was read last has to be what is applied last.
  private let turn = Mutex(())
  private let logger: Logger
  private let clock: @Sendable () -> Int64

  /// - Throws: what is wrong with the files; a server must not start without them.
  init(
    _ loader: WebConfigLoader?, _ passwords: WorkerPool, logger: Logger, clock: @escaping @Sendable () -> Int64
  ) throws {
    gatekeeper = Gatekeeper(pool: passwords)
    self.loader = loader
    self.logger = logger
    self.clock = clock
    var state = State(status: Status(lastSuccessAt: clock()))
    var tls: TLSContext?
    if let loader {
      let (reading, stamps) = Self.read(loader, [])
      let config = try reading.result.get()
      tls = try config.tls.map { try TLSContext(TLSSettings($0)) }
      state.stamps = stamps
      state.config = config
      state.headers = config.headers
      state.status.certificateEnd = tls?.notAfter
      gatekeeper.replace(Gatekeeper.Accounts(config), rateLimit: config.rateLimit.map { .init($0) })
      if config.asksForCredentials, tls == nil {
        logger.warning("passwords and tokens come in clear, as there is no TLS; see --web-config-file")
      }
    }
    self.tls = tls
    self.state = Mutex(state)
  }

  /// Whether there are files at all.
  var isConfigured: Bool { loader != nil }

  var status: Status { state.withLock { $0.status } }

  /// Tells where a new certificate goes.
  func attach(_ replaceTLS: @escaping @Sendable (TLSContext) -> Void) {
    state.withLock { $0.replaceTLS = replaceTLS }
  }

  /// Adds the fields that every response gets.
  func decorate(_ response: inout Response) {
    for header in state.withLock({ $0.headers }) { response.headers[header.name] = header.value }
  }

  /// Reads the files again if one of them has changed since they were last read; called now and then.
  func look() {
    guard loader != nil else { return }
    let stamps = state.withLock { $0.stamps }
    guard FileStamp.of(Array(stamps.keys)) != stamps else { return }
    try? reload()  // what is wrong has been logged
  }

  /// Reads the files again, and applies them as a whole or not at all.
  /// - Throws: what is wrong with them, in one line.
  func reload() throws {
    guard let loader else { return }
    try turn.withLock { _ in
      let (reading, stamps) = Self.read(loader, state.withLock { Array($0.stamps.keys) })
      state.withLock { $0.stamps = stamps }
      do {
        try apply(reading.result.get())
        logger.notice("web configuration reloaded")
      } catch {
        state.withLock { $0.status.isSuccess = false }
        logger.error("web configuration not reloaded, all goes on as before", metadata: ["error": "\(error)"])
        throw error
      }
    }
  }

  /// Reads the files.
  /// - Parameter known: those that were read the last time.
  /// - Returns: stamps from before the reading, so that what changes meanwhile is read again; also those of `known` if
  ///   the reading failed, as one of them may be the cause.
  private static func read(
    _ loader: WebConfigLoader, _ known: [String]
  ) -> (WebConfigLoader.Reading, [String: FileStamp?]) {
    var stamps = FileStamp.of(known)
    var reading = loader.read()
    if !reading.files.allSatisfy({ stamps.keys.contains($0) }) {
      stamps.merge(FileStamp.of(reading.files)) { old, _ in old }
      reading = loader.read()
    }
    guard case .success = reading.result else { return (reading, stamps) }
    let read = Set(reading.files)
    return (reading, stamps.filter { read.contains($0.key) })
  }

  private func apply(_ config: WebConfig) throws {
    let old = state.withLock { $0.config }
    guard (config.tls == nil) == (old.tls == nil) else {
      throw NeedsRestart(description: "TLS is switched on or off by a restart only")
    }
    guard config.asksForCredentials || !old.asksForCredentials else {
      // Also what a file looks like that an editor has just begun to write.
      throw NeedsRestart(description: "there are no users and tokens any more; a restart is needed to let everybody in")
    }
    let tls = try config.tls.map { try TLSContext(TLSSettings($0)) }
    gatekeeper.replace(Gatekeeper.Accounts(config), rateLimit: config.rateLimit.map { .init($0) })
    let replaceTLS = state.withLock { state in
      state.config = config
      state.headers = config.headers
      state.status = Status(lastSuccessAt: clock(), certificateEnd: tls?.notAfter)
      return state.replaceTLS
    }
    if let tls { replaceTLS?(tls) }
  }

  private struct NeedsRestart: Error, CustomStringConvertible {
    let description: String
  }
}

/// What tells one content of a file from another without reading it. Symbolic links are followed: Kubernetes changes
/// mounted files by changing a link on the way.
struct FileStamp: Sendable, Equatable {
  private let device: UInt64
  private let inode: UInt64
  private let size: Int64
  private let changed: [Int]

  /// `nil` if there is no such file.
  init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    changed = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
  }

  static func of(_ paths: [String]) -> [String: FileStamp?] {
    Dictionary(paths.map { ($0, FileStamp($0)) }) { first, _ in first }
  }
}
