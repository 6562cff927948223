internal import Configuration
@preconcurrency internal import Dispatch
internal import Scrape
internal import Synchronization
internal import TimeSeries

/// Scrapes on their way to a target. Each leaves at once. What Kafka does not take waits here, whole and in the order of
/// time, until it does; when there is no room for more, scrapes are lost, and counted.
///
/// Lock order: `state` is held alone, never while a context, a ticket or the budget's owner is called.
final class ScrapeQueue: ScrapeSink {
  fileprivate struct State {
    var route: Route?
    /// Oldest first.
    var waiting: [Scrape] = []
    var waitingBytes = 0
    /// Whether some are being delivered once more, or will be: newer ones then wait behind them.
    var isRetrying = false
    var isClosed = false
    var lostScrapes = 0
    var lostSamples = 0
  }

  struct Counts {
    var waitingScrapes = 0
    var waitingSamples = 0
    var lostScrapes = 0
    var lostSamples = 0
  }

  private let state = Mutex(State())
  private let budget: ByteBudget
  private let bytesMax: Int
  private let retryAfter: Duration
  private let queue = DispatchQueue(label: "promring.delivery.scrapes")
  /// Delivered once more together.
  private static let retriedSamplesMax = 20_000

  /// - Parameter retryAfter: how long Kafka is left alone when it has not taken something.
  init(budget: ByteBudget, retryAfter: Duration = .seconds(1)) {
    self.budget = budget
    self.retryAfter = retryAfter
    // Remote writes need room, too.
    bytesMax = budget.limit / 2
  }

  /// Where scrapes go from now on, those that wait as well.
  func send(by route: Route) { state.withLock { $0.route = route } }

  var counts: Counts {
    state.withLock { state in
      Counts(
        waitingScrapes: state.waiting.count, waitingSamples: state.waiting.reduce(0) { $0 + $1.count },
        lostScrapes: state.lostScrapes, lostSamples: state.lostSamples)
    }
  }

  // MARK: Taking

  private enum Decision {
    case deliver(Route)
    case wait
    case noRoom
  }

  func take(_ scrape: Scrape) -> ScrapeVerdict {
    let bytes = scrape.heldBytes
    let hasRoom = budget.take(bytes)
    let decision = state.withLock { state -> Decision in
      if hasRoom, !state.isClosed {
        if !state.isRetrying, let route = state.route { return .deliver(route) }
        if state.waitingBytes + bytes <= bytesMax {
          state.insert(scrape)
          return .wait
        }
      }
      state.lose(scrape)
      return .noRoom
    }
    switch decision {
    case .wait: return .taken
    case .deliver(let route):
      deliver([scrape], by: route) { [weak self] failure in self?.settle([scrape], failure) }
      return .taken
    case .noRoom:
      if hasRoom { budget.give(bytes) }
      return .notTaken(reason: "as many samples as promring may hold wait for Kafka")
    }
  }

  private func deliver(
    _ scrapes: [Scrape], by route: Route, _ completion: @escaping @Sendable (DeliveryFailure?) -> Void
  ) {
    route.withContext { context in
      if let target = context.begin(timestampMax: .max) {
        context.discard()
        return completion(.temporary("topic \(target.settings.topic) is not known yet"))
      }
      for scrape in scrapes { scrape.write(to: context) }
      guard !context.isOverBudget else {
        context.discard()
        return completion(.temporary("as many samples as promring may hold wait for Kafka"))
      }
      guard context.hasSamples else {
        context.commit(nil)
        return completion(nil)
      }
      // Nobody gives up on it: each record is heard of when its own time is over.
      let ticket = WriteTicket(deadline: .now, completion)
      context.commit(ticket)
      ticket.release()
    }
  }

  // MARK: Once more

  /// Takes note of what has become of scrapes. Samples that can never be delivered are counted where their records are.
  private func settle(_ scrapes: [Scrape], _ failure: DeliveryFailure?) {
    let (isKept, isFirst) = state.withLock { state -> (Bool, Bool) in
      guard failure?.isPermanent == false else { return (false, false) }
      guard !state.isClosed else {
        for scrape in scrapes { state.lose(scrape) }
        return (false, false)
      }
      for scrape in scrapes { state.insert(scrape) }
      defer { state.isRetrying = true }
      return (true, !state.isRetrying)
    }
    if !isKept { budget.give(scrapes.reduce(0) { $0 + $1.heldBytes }) }
    if isFirst { retryLater() }
  }

  private func retryLater() {
    let milliseconds = Int(clamping: retryAfter.wholeMilliseconds)
    queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { [weak self] in self?.retry() }
  }

  /// Delivers the oldest of those that wait, and then the next, until none is left.
  private func retry() {
    let next = state.withLock { state -> (route: Route, scrapes: [Scrape])? in
      guard let route = state.route, !state.waiting.isEmpty else {
        state.isRetrying = false
        return nil
      }
      return (route, state.removeFirst(samplesMax: Self.retriedSamplesMax))
    }
    guard let next else { return }
    deliver(next.scrapes, by: next.route) { [weak self] failure in
      guard let self else { return }
      settle(next.scrapes, failure)
      if failure?.isPermanent == false { retryLater() } else { queue.async { self.retry() } }
    }
  }

  /// Takes nothing any more, and delivers what waits as far as Kafka takes it now.
  func close() {
    let rest = state.withLock { state -> (route: Route?, scrapes: [Scrape]) in
      state.isClosed = true
      return (state.route, state.removeFirst(samplesMax: .max))
    }
    guard !rest.scrapes.isEmpty else { return }
    guard let route = rest.route else { return settle(rest.scrapes, .temporary("there is no target")) }
    deliver(rest.scrapes, by: route) { [self] failure in settle(rest.scrapes, failure) }
  }
}

extension ScrapeQueue.State {
  mutating func insert(_ scrape: Scrape) {
    let place = waiting.lastIndex { $0.timestamp <= scrape.timestamp }.map { $0 + 1 } ?? 0
    waiting.insert(scrape, at: place)
    waitingBytes += scrape.heldBytes
  }

  /// The oldest ones, at least one if there is any.
  mutating func removeFirst(samplesMax: Int) -> [Scrape] {
    var samples = 0
    let end = waiting.firstIndex { scrape in
      defer { samples += scrape.count }
      return samples > 0 && samples + scrape.count > samplesMax
    }
    let first = Array(waiting[..<(end ?? waiting.endIndex)])
    waiting.removeFirst(first.count)
    waitingBytes -= first.reduce(0) { $0 + $1.heldBytes }
    return first
  }

  mutating func lose(_ scrape: Scrape) {
    lostScrapes += 1
    lostSamples += scrape.count
  }
}

extension Scrape {
  /// Three columns of words; labels are shared by all scrapes of a target.
  fileprivate var heldBytes: Int { 256 + 24 * count }
}
