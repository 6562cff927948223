public import Configuration
@preconcurrency internal import Dispatch
public import KafkaClient
public import Logging
internal import Synchronization
public import TimeSeries
public import Wire

/// The write side put together: tasks, and requests that are answered when Kafka has acknowledged their samples.
public final class Delivery: Sendable {
  /// What senders have said of metric families.
  public let metadata = MetadataStore()
  let budget: ByteBudget
  let limits: RemoteWriteLimits
  let configuration: ServeConfiguration
  let logger: Logger
  let clientLog: ClientLog
  let clock: @Sendable () -> Int64
  let registry = Mutex(Registry())
  /// Held by whoever changes tasks.
  let changing = Mutex(())
  let store: TaskStore?
  private let counts = Mutex(Counts())
  /// Those who wait, in the order of their deadlines.
  private let waiting = Mutex<[WriteTicket]>([])
  private let timer: any DispatchSourceTimer
  private let stopping = Atomic(false)

  struct Registry {
    var tasks: [String: RunningTask] = [:]
    var routes: [WriteAddress: Route] = [:]
  }

  /// Of all requests together.
  public struct Counts: Sendable {
    public var requests = 0
    public var samples = 0
    public var rejected: [String: Int] = [:]
    public var histograms = 0
    public var exemplars = 0
  }

  /// Why tasks cannot be started, in one line for an operator.
  public struct StartError: Error, CustomStringConvertible {
    public let description: String
  }

  /// - Parameters:
  ///   - configuration: its tasks are started, and those of the state directory.
  ///   - log: where librdkafka's log lines go.
  ///   - clock: milliseconds since the Unix epoch.
  public init(
    _ configuration: ServeConfiguration, logger: Logger, log: @escaping ClientLog = { _, _, _ in },
    clock: @escaping @Sendable () -> Int64
  ) throws(StartError) {
    self.configuration = configuration
    self.logger = logger
    clientLog = log
    self.clock = clock
    budget = ByteBudget(limit: configuration.delivery.maxInFlightBytes)
    var limits = RemoteWriteLimits()
    limits.labelsMax = configuration.buffer.maxLabels
    limits.labelNameBytesMax = configuration.buffer.maxLabelNameBytes
    limits.labelValueBytesMax = configuration.buffer.maxLabelValueBytes
    self.limits = limits
    let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "promring.delivery.deadlines"))
    timer.schedule(deadline: .now() + .milliseconds(100), repeating: .milliseconds(100), leeway: .milliseconds(20))
    timer.activate()  // before anything can throw: a source that never was cannot be released
    self.timer = timer
    do throws(TaskError) {
      store = configuration.delivery.state.isEmpty ? nil : try TaskStore(configuration.delivery.state)
      let kept = try store?.load() ?? []
      try change(to: configuration.delivery.tasks.map { ($0, .file) } + kept.map { ($0, .api) })
    } catch {
      throw StartError(description: error.description)
    }
    timer.setEventHandler { [weak self] in self?.giveUpOverdue() }
  }

  deinit { timer.cancel() }

  // MARK: Writing

  /// Delivers a request of remote write.
  /// - Parameters:
  ///   - body: one Snappy block.
  ///   - completion: called once, on any thread: perhaps before this returns, at the latest when the time for a request
  ///     is over.
  public func write(
    _ body: [UInt8], as version: RemoteWriteVersion, to address: WriteAddress,
    _ completion: @escaping @Sendable (WriteOutcome) -> Void
  ) {
    func refuse(_ verdict: WriteOutcome.Verdict) { completion(WriteOutcome(verdict: verdict)) }
    guard !stopping.load(ordering: .relaxed) else { return refuse(.unavailable("promring is stopping", retryAfter: 5)) }
    let route: Route
    switch find(address) {
    case .success(let found): route = found
    case .failure(let refusal): return refuse(refusal.verdict)
    }
    body.withUnsafeBytes { block in
      let length: Int
      do throws(SnappyError) {
        length = try Snappy.unpackedLength(block, bytesMax: configuration.delivery.maxRequestBytes)
      } catch {
        if case .oversized = error { return refuse(.tooLarge("\(error)")) }
        return refuse(.refused("\(error)"))
      }
      let needed = block.count + length
      guard needed <= budget.limit else {
        return refuse(.tooLarge("the request takes \(needed) bytes, more than --delivery-max-in-flight-bytes allows"))
      }
      guard budget.take(needed) else { return refuse(Self.noRoom) }
      defer { budget.give(needed) }
      route.withContext { read(block, length, version, $0, completion) }
    }
  }

  private static let noRoom = WriteOutcome.Verdict.unavailable(
    "as many samples as promring may hold wait for Kafka; try again", retryAfter: 1)

  private func read(
    _ block: UnsafeRawBufferPointer, _ length: Int, _ version: RemoteWriteVersion, _ context: WriteContext,
    _ completion: @escaping @Sendable (WriteOutcome) -> Void
  ) {
    func refuse(_ verdict: WriteOutcome.Verdict) {
      context.discard()
      completion(WriteOutcome(verdict: verdict))
    }
    let skew = configuration.buffer.futureSkew.wholeMilliseconds
    if let target = context.begin(timestampMax: clock() + skew) {
      let cause = target.trouble.map { ": \($0.reason)" } ?? ""
      return refuse(.unavailable("topic \(target.settings.topic) is not known yet\(cause)", retryAfter: 2))
    }
    let tally: RemoteWriteTally
    do {
      try Snappy.decompress(block, length: length, into: &context.unpacked)
      tally = try context.decode(as: version)
    } catch {
      return refuse(.refused("\(error)"))
    }
    guard !context.isOverBudget else { return refuse(Self.noRoom) }
    var outcome = WriteOutcome(verdict: .delivered, samplesWritten: tally.samples - context.refusedLater, tally: tally)
    if let first = context.firstRejection {
      let samples = context.rejected.values.reduce(0, +)
      outcome.verdict = .refused("\(samples) of \(tally.samples + tally.rejectedSamples) samples refused: \(first)")
    }
    count(tally, context)
    guard context.hasSamples else {
      context.commit(nil)
      return completion(outcome)
    }
    let ticket = WriteTicket(deadline: .now + configuration.delivery.requestTimeout) { [outcome] failure in
      var outcome = outcome
      if let failure {
        outcome.samplesWritten = 0
        outcome.verdict =
          failure.isPermanent
          ? .refused("not all samples were delivered to Kafka: \(failure)")
          : .unavailable("not all samples were delivered to Kafka: \(failure)", retryAfter: 5)
      }
      completion(outcome)
    }
    context.commit(ticket)
    ticket.release()
    if !ticket.isDone { waiting.withLock { $0.append(ticket) } }
  }

  private func count(_ tally: RemoteWriteTally, _ context: WriteContext) {
    counts.withLock { counts in
      counts.requests += 1
      counts.samples += tally.samples + tally.rejectedSamples
      counts.histograms += tally.histograms
      counts.exemplars += tally.exemplars
      for (reason, samples) in context.rejected { counts.rejected[reason, default: 0] += samples }
    }
  }

  public var totals: Counts { counts.withLock { $0 } }
  /// Bytes of requests and records that are held at the moment, and how many may be.
  public var inFlight: (bytes: Int, limit: Int) { (budget.used, budget.limit) }

  /// Samples from within the process, for a task by name. Nobody keeps them: what cannot be delivered is lost, and so is
  /// what comes before the topic is known.
  public func offer(_ samples: [(labels: LabelSet, timestamp: Int64, value: Double)], to task: String) {
    guard case .success(let route) = find(.task(task, source: nil)) else { return }
    route.withContext { context in
      guard context.begin(timestampMax: .max) == nil else { return context.discard() }
      var columns = SampleColumns()
      for sample in samples {
        columns.removeAll()
        columns.append(sample.timestamp, bits: sample.value.bitPattern)
        sample.labels.withLabelBytes { context.series($0, nil, columns) }
      }
      context.commit(nil)
    }
  }

  // MARK: Where requests go

  private struct Refusal: Error {
    let verdict: WriteOutcome.Verdict
  }

  private func find(_ address: WriteAddress) -> Result<Route, Refusal> {
    let (route, tasks) = registry.withLock { registry in
      (registry.routes[address], registry.routes[address] == nil ? registry.tasks : [:])
    }
    if let route { return .success(route) }
    switch address {
    case .everyTask:
      guard tasks.values.contains(where: { !$0.writable(source: nil).isEmpty }) else {
        return .failure(Refusal(verdict: .unknown("no delivery task takes remote writes; see /api/v1/delivery/tasks")))
      }
      return .failure(Refusal(verdict: .unavailable("every delivery task is stopped", retryAfter: 30)))
    case .task(let name, let source):
      guard let task = tasks[name] else {
        return .failure(Refusal(verdict: .unknown("there is no delivery task \(name.quotedForPrometheus)")))
      }
      guard !task.writable(source: source).isEmpty else {
        let which = source.map { "no source \($0.quotedForPrometheus)" } ?? "no source"
        return .failure(
          Refusal(verdict: .unknown("delivery task \(name.quotedForPrometheus) has \(which) for remote writes")))
      }
      return .failure(
        Refusal(verdict: .unavailable("delivery task \(name.quotedForPrometheus) is stopped", retryAfter: 30)))
    }
  }

  // MARK: Deadlines and the end

  private func giveUpOverdue() {
    let now = ContinuousClock.now
    let overdue = waiting.withLock { waiting -> [WriteTicket] in
      let split = waiting.firstIndex { $0.deadline > now } ?? waiting.endIndex
      let overdue = Array(waiting[..<split])
      waiting.removeFirst(split)
      waiting.removeAll { $0.isDone }
      return overdue.filter { !$0.isDone }
    }
    guard !overdue.isEmpty else { return }
    let trouble = registry.withLock { $0.tasks.values.compactMap { $0.target?.trouble?.reason }.first }
    let timeout = DurationText.string(configuration.delivery.requestTimeout)
    for ticket in overdue {
      ticket.giveUp(.temporary("Kafka has not acknowledged them within \(timeout)\(trouble.map { ": \($0)" } ?? "")"))
    }
  }

  /// Refuses requests from now on, delivers what has been taken, and answers everybody who waits.
  /// - Returns: whether everything was acknowledged in time.
  @discardableResult
  public func stop(within limit: Duration) -> Bool {
    stopping.store(true, ordering: .relaxed)
    let deadline = ContinuousClock.now + limit
    let targets = registry.withLock { registry in
      registry.routes = [:]
      return registry.tasks.values.compactMap(\.target)
    }
    for source in current.flatMap(\.scrapes.values) { source.close() }
    var isDelivered = true
    for target in targets {
      isDelivered = target.close(within: max(deadline - .now, .milliseconds(50))) && isDelivered
    }
    timer.cancel()
    for ticket in waiting.withLock({ $0 }) { ticket.giveUp(.temporary("promring is stopping")) }
    return isDelivered
  }
}
