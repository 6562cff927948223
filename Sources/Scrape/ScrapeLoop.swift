internal import CCurl
internal import TimeSeries
internal import Wire

/// The scraper's thread: starts scrapes when they are due, and hands on what they bring.
final class ScrapeLoop {
  private let core: ScrapeCore
  private let budget: BodyBudget
  private var targets: [LoopTarget] = []
  /// Those whose scrape is running, by libcurl's handle.
  private var running: [UnsafeMutableRawPointer: LoopTarget] = [:]
  /// When the next target is due, on the monotonic clock.
  private var nextDue = Int64.max

  init(_ core: ScrapeCore) {
    self.core = core
    budget = BodyBudget(bytesMax: core.settings.bodiesBytesMax)
  }

  func run() {
    while true {
      let (changed, isStopping) = core.orders()
      if isStopping { break }
      if let changed { change(to: changed) }
      if Clocks.now >= nextDue { startDue() }
      core.multi.perform()
      while let (easy, code) = core.multi.nextResult() {
        if let target = running[easy] { finish(target, code) }
      }
      wait()
    }
    for target in targets { cancel(target) }
  }

  private func wait() {
    let minute: Int64 = 60_000
    // A millisecond more, or it would wake up just before.
    let milliseconds = nextDue == .max ? minute : (nextDue - Clocks.now) / 1_000_000 + 1
    core.multi.wait(atMost: Int32(clamping: min(max(milliseconds, 0), minute)))
  }

  // MARK: Targets

  private func change(to resolved: [ResolvedTarget]) {
    var before = Dictionary(targets.map { ($0.resolved.key, $0) }) { first, _ in first }
    targets = resolved.map { one in
      guard let target = before.removeValue(forKey: one.key) else {
        return LoopTarget(one, core.settings, budget)
      }
      if target.resolved.target != one.target {
        cancel(target)
        target.change(to: one, core.settings, budget)
      }
      return target
    }
    for target in before.values {
      cancel(target)
      if let end = target.series.end(at: Clocks.wall / 1_000_000) { _ = core.sink.take(end) }
    }
    // One each, and some for redirections.
    core.multi.keepConnections(targets.count + targets.count / 4 + 8)
    nextDue = targets.map(\.schedule.due).min() ?? .max
    for target in targets { publish(target) }
  }

  private func cancel(_ target: LoopTarget) {
    guard target.isRunning else { return }
    core.multi.remove(target.transfer)
    target.transfer.forgetPage()
    running[target.transfer.raw] = nil
    target.isRunning = false
  }

  private func publish(_ target: LoopTarget) { core.publish(target.status, of: target.resolved.key) }

  // MARK: Scrapes

  private func startDue() {
    let now = Clocks.now
    for target in targets where target.schedule.due <= now {
      if target.begin() { start(target) } else { publish(target) }
    }
    nextDue = targets.map(\.schedule.due).min() ?? .max
  }

  private func start(_ target: LoopTarget) {
    do throws(ScrapeError) {
      try target.transfer.begin()
      guard core.multi.add(target.transfer) else { throw .connection("libcurl does not take the request") }
      running[target.transfer.raw] = target
      target.isRunning = true
    } catch {
      handOn(target, target.series.read(.failure(error), at: target.timestamp) { target.sinceBeginning })
    }
  }

  private func finish(_ target: LoopTarget, _ code: CURLcode) {
    running[target.transfer.raw] = nil
    target.isRunning = false
    core.multi.remove(target.transfer)
    target.status.connections += target.transfer.newConnections
    let outcome = target.transfer.finish(code) { page in
      target.series.read(page, at: target.timestamp) { target.sinceBeginning }
    }
    target.status.lastBytes = target.transfer.bytes
    handOn(target, outcome)
  }

  private func handOn(_ target: LoopTarget, _ outcome: TargetSeries.Outcome) {
    target.note(outcome, core.sink.take(outcome.scrape))
    publish(target)
  }
}
