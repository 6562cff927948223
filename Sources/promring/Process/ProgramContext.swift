internal import Configuration
internal import Dispatch
internal import Glibc
internal import Logging
internal import Synchronization

/// What a running command stands on: logging that is set up, and the wish to end that signals become.
struct ProgramContext: Sendable {
  let logger: Logger
  let termination: Termination
  private let reloading: Reloading

  /// Sets up signals and logging, runs `body` on the calling thread, which must be the only one so far, and returns
  /// when it does. When `body` takes longer to end than the shutdown timeout allows, the process exits without it:
  /// nothing is lost by that, as Kafka holds everything.
  static func run(_ configuration: ServeConfiguration, _ body: (ProgramContext) throws -> Void) throws {
    SignalWatcher.prepareProcess()
    LogSink.bootstrap(configuration)
    let logger = Logger(label: "promring")
    let termination = Termination()
    let reloading = Reloading()
    let timeout = configuration.shutdown.timeout
    // Of its own, so that it runs on time however busy the shared queues are.
    let watchdog = DispatchQueue(label: "promring.shutdown")
    SignalWatcher(
      onShutdown: { signal in
        logger.info("stopping", metadata: ["signal": "\(signal)", "timeout": "\(DurationText.string(timeout))"])
        termination.request("received \(signal)")
        let milliseconds = Int(clamping: timeout.wholeMilliseconds)
        watchdog.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) {
          logger.warning("still busy at the shutdown timeout, exiting", metadata: ["timeout": "\(timeout)"])
          _exit(ExitStatus.success)
        }
      },
      onReload: {
        guard let body = reloading.body.withLock({ $0 }) else {
          return logger.info("SIGHUP ignored: there is nothing to reload")
        }
        body()
      }
    ).start()
    try body(ProgramContext(logger: logger, termination: termination, reloading: reloading))
  }

  /// What SIGHUP calls from now on.
  func onReload(_ body: @escaping @Sendable () -> Void) { reloading.body.withLock { $0 = body } }

  private final class Reloading: Sendable {
    let body = Mutex<(@Sendable () -> Void)?>(nil)
  }
}
