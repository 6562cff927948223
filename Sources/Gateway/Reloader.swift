internal import Configuration
internal import Delivery
internal import Logging
internal import Synchronization

/// Reads the configuration again while the program runs. Delivery tasks change with it, and what the web configuration
/// file says; everything else needs a restart.
final class Reloader: Sendable {
  struct Status: Sendable {
    var isSuccess = true
    /// Milliseconds since the Unix epoch.
    var lastSuccessAt: Int64
  }

  private struct State {
    var configuration: ServeConfiguration
    var status: Status
  }

  private let state: Mutex<State>
  /// Held by whoever reloads: what was read last has to be what is applied last.
  private let turn = Mutex(())
  private let load: (@Sendable () throws -> ServeConfiguration)?
  private let delivery: Delivery
  private let access: WebAccess
  private let logger: Logger
  private let clock: @Sendable () -> Int64

  /// - Parameter load: reads the configuration from wherever it came from; `nil` when there is nothing to read again.
  init(
    _ configuration: ServeConfiguration, _ load: (@Sendable () throws -> ServeConfiguration)?, _ delivery: Delivery,
    _ access: WebAccess, logger: Logger, clock: @escaping @Sendable () -> Int64
  ) {
    state = Mutex(State(configuration: configuration, status: Status(lastSuccessAt: clock())))
    self.load = load
    self.delivery = delivery
    self.access = access
    self.logger = logger
    self.clock = clock
  }

  /// The settings in force.
  var configuration: ServeConfiguration { state.withLock { $0.configuration } }
  var status: Status { state.withLock { $0.status } }

  /// Reads and applies the configuration, as a whole or not at all.
  /// - Throws: what is wrong with it, in one line.
  func reload() throws {
    guard let load else { return logger.info("there is nothing to reload") }
    // Each of them on its own: what is wrong with one keeps nothing from the other.
    let access = Result { try self.access.reload() }
    try turn.withLock { _ in try reload(load) }
    try access.get()
  }

  private func reload(_ load: @Sendable () throws -> ServeConfiguration) throws {
    do {
      let fresh = try load()
      try delivery.reload(fresh.delivery.tasks)
      let others = state.withLock { state -> Bool in
        var old = state.configuration
        old.delivery.tasks = fresh.delivery.tasks
        state.configuration = old
        state.status = Status(isSuccess: true, lastSuccessAt: clock())
        return old != fresh
      }
      logger.notice("configuration reloaded", metadata: ["delivery_tasks": "\(fresh.delivery.tasks.count)"])
      if others { logger.warning("settings other than delivery tasks have changed, too: they need a restart") }
    } catch {
      state.withLock { $0.status.isSuccess = false }
      logger.error("configuration not reloaded, all goes on as before", metadata: ["error": "\(error)"])
      throw error
    }
  }
}
