internal import TimeSeries

/// A target as the loop knows it. On the loop's thread.
final class LoopTarget {
  private(set) var resolved: ResolvedTarget
  private(set) var transfer: Transfer
  let series: TargetSeries
  private(set) var schedule: Schedule
  var status: ScrapeStatus
  var isRunning = false
  /// When the running scrape began, and the time that its samples get.
  private(set) var began: Int64 = 0
  private(set) var timestamp: Int64 = 0

  init(_ resolved: ResolvedTarget, _ settings: ScraperSettings, _ budget: BodyBudget) {
    self.resolved = resolved
    transfer = Transfer(resolved, userAgent: settings.userAgent, budget: budget)
    series = TargetSeries(resolved.target, labels: resolved.labels)
    schedule = LoopTarget.schedule(resolved)
    status = ScrapeStatus(resolved)
    noteNext()
  }

  /// Goes on with other settings. Its scrape does not run.
  func change(to resolved: ResolvedTarget, _ settings: ScraperSettings, _ budget: BodyBudget) {
    let isSameInterval = resolved.target.interval == self.resolved.target.interval
    self.resolved = resolved
    transfer = Transfer(resolved, userAgent: settings.userAgent, budget: budget)
    series.change(to: resolved.target, labels: resolved.labels)
    if !isSameInterval { schedule = LoopTarget.schedule(resolved) }
    status.interval = resolved.target.interval
    status.timeout = resolved.target.timeout
    noteNext()
  }

  private static func schedule(_ resolved: ResolvedTarget) -> Schedule {
    let seed = Schedule.seed([resolved.target.url] + resolved.labels.labels.flatMap { [$0.name, $0.value] })
    return Schedule(interval: resolved.target.interval, seed: seed, now: Clocks.now, wallNow: Clocks.wall)
  }

  private func noteNext() {
    status.nextScrape = schedule.wallDue(now: Clocks.now, wallNow: Clocks.wall) / 1_000_000
  }

  // MARK: Scrapes

  /// It is due: notes when it began, and when it is to begin again.
  /// - Returns: false if the scrape before is still running.
  func begin() -> Bool {
    let (now, wall) = (Clocks.now, Clocks.wall)
    if !isRunning {
      began = now
      timestamp = schedule.timestamp(wallNow: wall)
    }
    status.missed += schedule.advance(now: now) + (isRunning ? 1 : 0)
    noteNext()
    return !isRunning
  }

  var sinceBeginning: Duration { .nanoseconds(Clocks.now - began) }

  /// Takes note of what a scrape has come to.
  func note(_ outcome: TargetSeries.Outcome, _ verdict: ScrapeVerdict) {
    series.settle(isTaken: verdict == .taken)
    status.health = outcome.error == nil ? .up : .down
    status.lastError = outcome.error?.description
    status.lastScrape = outcome.scrape.timestamp
    status.lastDuration = sinceBeginning
    status.lastSamples = outcome.tally.samples
    status.scrapes += 1
    status.failures += outcome.error == nil ? 0 : 1
    status.duplicates += outcome.tally.duplicates
    status.outOfBounds += outcome.tally.outOfBounds
    status.exemplars += outcome.tally.exemplars
    if case .notTaken(let reason) = verdict {
      status.notTaken += 1
      status.lastNotTaken = reason
    }
  }
}
