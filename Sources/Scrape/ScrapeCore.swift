internal import Dispatch
internal import Synchronization

/// What a `Scraper` and its loop share.
final class ScrapeCore: Sendable {
  private struct State {
    /// What the loop has not taken up yet.
    var targets: [ResolvedTarget]?
    var isStopping = false
    /// The targets in the order of the last change, and how each is doing.
    var order: [ResolvedTarget.Key] = []
    var statuses: [ResolvedTarget.Key: ScrapeStatus] = [:]
  }

  let settings: ScraperSettings
  let sink: any ScrapeSink
  let multi: MultiHandle
  /// Nothing else is locked, and nobody called, while this is held.
  private let state = Mutex(State())
  /// Signalled when the loop's thread is done, and again by whoever has waited for that.
  private let ended = DispatchSemaphore(value: 0)

  init(_ settings: ScraperSettings, _ sink: any ScrapeSink, _ multi: MultiHandle) {
    self.settings = settings
    self.sink = sink
    self.multi = multi
  }

  /// Hands new targets to the loop, which takes them up soon; their statuses are there at once.
  func change(to targets: [ResolvedTarget]) {
    state.withLock { state in
      state.targets = targets
      state.order = targets.map(\.key)
      let old = state.statuses
      state.statuses = [:]
      for target in targets {
        var status = ScrapeStatus(target)
        if let old = old[target.key] {
          status = old
          status.interval = target.target.interval
          status.timeout = target.target.timeout
        }
        state.statuses[target.key] = status
      }
    }
    multi.wake()
  }

  /// A target that is not wanted any more has no status.
  func publish(_ status: ScrapeStatus, of key: ResolvedTarget.Key) {
    state.withLock { state in
      if state.statuses[key] != nil { state.statuses[key] = status }
    }
  }

  var statuses: [ScrapeStatus] {
    state.withLock { state in state.order.compactMap { state.statuses[$0] } }
  }

  func stop() {
    state.withLock { $0.isStopping = true }
    multi.wake()
  }

  /// What the loop has to do, once: targets to change to, and whether to end.
  func orders() -> (targets: [ResolvedTarget]?, isStopping: Bool) {
    state.withLock { state in
      defer { state.targets = nil }
      return (state.targets, state.isStopping)
    }
  }

  func end() { ended.signal() }

  func waitForEnd(within timeout: Duration) -> Bool {
    let nanoseconds = Int(clamping: max(timeout.nanoseconds, 0))
    guard ended.wait(timeout: .now() + .nanoseconds(nanoseconds)) == .success else { return false }
    ended.signal()
    return true
  }
}
