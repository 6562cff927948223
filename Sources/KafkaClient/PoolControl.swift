internal import CRdKafka
internal import Synchronization

/// The control thread of a pool: what is assigned, where it starts, what is wrong. All of this is its own; see
/// ``ConsumerPool`` for how the threads play together. Its aspects: `+Topics` (what exists), `+Assignment` (what is
/// ours and where it starts), `+Failures` (what is wrong), `+Lifecycle` (clients that die, the end).
struct PoolControl: ~Copyable {
  let options: ConsumerOptions
  let settings: ClientSettings
  let selection: TopicSelection
  let clients: ClientFactory
  let shared: PoolShared
  let workers: [Worker]

  /// A partition that is ours.
  struct Holding {
    enum Phase { case locating, reading }
    let partition: Partition
    let worker: Int
    var phase = Phase.locating
    /// Changes with each phase; an answer to a question asked under another ticket is out of date.
    var ticket = 0
    var isAsked = false
    /// Monotonic nanoseconds.
    var notBefore: Int64 = 0
    var attempts = 0
    /// Set while a run of bytes that cannot be decoded is being stepped over.
    var skip: (from: Int64, step: Int64)?
    var error: String?
    var failedAt: Int64 = 0
    /// Rounds of metadata that did not mention it.
    var absent = 0
  }

  var reader: Client?
  var readerLife = 0
  /// When a dead reader is to be made anew; monotonic nanoseconds.
  var reopenReaderAt: Int64?
  var detachedWorkers = 0
  var member: GroupMember?
  var memberLife = 0
  var reopenMemberAt: Int64?
  /// Dead clients that workers may still hold on to.
  var graveyard: [Client] = []
  var topics: [String: TopicHandle] = [:]

  /// Every partition ever read. A partition that comes back goes on where it was.
  var known: [TopicPartition: Partition] = [:]
  /// Of these, the ones whose position means nothing any more: their topic was deleted.
  var forgotten: Set<TopicPartition> = []
  var holdings: [TopicPartition: Holding] = [:]
  /// In a group: our share.
  var owned: Set<TopicPartition> = []
  /// In a group: since when our share is up for redistribution; monotonic nanoseconds.
  var revokedAt: Int64?
  var committed: [TopicPartition: Int64] = [:]

  var metadata = ClusterMetadata()
  var seenTopics: Set<String> = []
  var metadataIsAsked = false
  var probesOpen = 0
  var probesFailed = 0
  var wantsNudge = false
  var nudgesOpen = 0
  var nextNudge: Int64 = 0

  var ledger = TroubleLedger()
  var lastTransportText: String?
  var view = PublishedState()
  var isDirty = true
  var stopBy: Deadline?

  var now = Clock.monotonicNanoseconds
  var nextMetadata: Int64 = 0
  var nextTick: Int64 = 0
  var nextCommit: Int64 = 0

  init(
    options: ConsumerOptions, settings: ClientSettings, selection: TopicSelection, clients: ClientFactory,
    shared: PoolShared, workers: [Worker], reader: Client, member: GroupMember?
  ) {
    self.options = options
    self.settings = settings
    self.selection = selection
    self.clients = clients
    self.shared = shared
    self.workers = workers
    self.reader = reader
    self.member = member
  }

  static let second: Int64 = 1_000_000_000
  /// How often callbacks of librdkafka are served; also the longest that a rebalance waits for us.
  static let pollInterval = Duration.milliseconds(50)
  static let nudgeInterval = Duration.milliseconds(5)

  mutating func run() {
    for worker in workers { if let reader { worker.post(.attach(reader)) } }
    if member != nil { waitForGroup() }
    while stopBy == nil {
      let wait = wantsNudge ? PoolControl.nudgeInterval : PoolControl.pollInterval
      let events = shared.mailbox.wait(until: Deadline(in: wait)) { mailbox in
        guard !mailbox.isEmpty else { return [PoolEvent]?.none }
        let events = mailbox
        mailbox.removeAll(keepingCapacity: true)
        return events
      }
      now = Clock.monotonicNanoseconds
      for event in events ?? [] { handle(event) }
      guard stopBy == nil else { break }
      pollClients()
      now = Clock.monotonicNanoseconds
      reopenClients()
      askForMetadata()
      locatePartitions()
      nudgeLeaders()
      if now >= nextTick {
        nextTick = now + PoolControl.second
        tick()
      }
      publish()
    }
    shutDown()
  }

  private mutating func handle(_ event: PoolEvent) {
    isDirty = true
    switch event {
    case .clientFailed(let error, let life): if life == readerLife { readerFailed(error) }
    case .statistics(let json, let life): if life == readerLife { take(statistics: json) }
    case .group(let event, let life): if life == memberLife { take(event) }
    case .metadata(let result, let life): if life == readerLife { take(result) }
    case .located(let answers, let leader, let tickets, let life):
      if life == readerLife { take(answers, from: leader, tickets: tickets) }
    case .probed(let answers, let leader, let life): if life == readerLife { take(probe: answers, from: leader) }
    case .readFailed(let partition, let error, let offset): readFailed(partition, error, at: offset)
    case .drained: wantsNudge = true
    case .nudged(let answers, let life): if life == readerLife { takeNudge(answers) }
    case .detached: detachedWorkers += 1
    case .stop(let deadline): stopBy = deadline
    }
  }

  private mutating func pollClients() {
    // Callbacks put what they hear into the mailbox, for the next round.
    if let reader { rd_kafka_poll(reader.handle, 0) }
    while let error = member?.poll() { memberFailed(error) }
  }

  /// Once a second.
  private mutating func tick() {
    isDirty = true
    for (name, holding) in holdings where holding.phase == .reading {
      let partition = holding.partition
      var low: Int64 = -1
      var high: Int64 = -1
      // What the latest answer to a fetch said; no question is asked.
      if let reader,
        rd_kafka_get_watermark_offsets(reader.handle, name.topic, name.partition, &low, &high)
          == RD_KAFKA_RESP_ERR_NO_ERROR
      {
        if low >= 0 { partition.low.store(low, ordering: .relaxed) }
        if high >= 0 { partition.high.store(high, ordering: .relaxed) }
      }
      if holding.error != nil, partition.lastHeard.load(ordering: .relaxed) > holding.failedAt { recovered(name) }
    }
    if let revokedAt, now - revokedAt > options.revokedGrace.wholeMilliseconds * 1_000_000 {
      self.revokedAt = nil
      owned = []
      release(where: { _ in true })
    }
    if let member {
      view.memberID = member.memberID
      if now >= nextCommit {
        nextCommit = now + options.commitInterval.wholeMilliseconds * 1_000_000
        let positions = uncommitted()
        member.commit(positions)
        committed.merge(positions) { $1 }
      }
    }
  }

  func uncommitted() -> [TopicPartition: Int64] {
    owned.reduce(into: [:]) { positions, name in
      guard let holding = holdings[name], holding.phase == .reading else { return }
      let position = holding.partition.position.load(ordering: .acquiring)
      if position >= 0 && committed[name] != position { positions[name] = position }
    }
  }

  mutating func take(statistics json: String) {
    guard let statistics = ClientStatistics(json: json) else { return }
    view.brokers = statistics.brokerStatus
    let holdings = holdings
    view.queued = statistics.queued { holdings[$0]?.worker }
  }

  mutating func publish() {
    guard isDirty else { return }
    isDirty = false
    view.client = reader
    view.holdings = holdings.values.map { holding in
      PublishedState.Holding(
        partition: holding.partition, worker: holding.worker, isReading: holding.phase == .reading,
        leader: leader(of: holding.partition.name), error: holding.error)
    }.sorted { $0.partition.name < $1.partition.name }
    view.known = Array(known.values)
    view.trouble = ledger.worst
    let view = view
    shared.published.withLock { $0 = view }
    shared.noteProgress()
  }

  /// The broker that leads this partition, as far as is known.
  func leader(of name: TopicPartition) -> Int32? {
    guard let leader = metadata.topics[name.topic]?.leaders[name.partition], leader >= 0 else { return nil }
    return leader
  }

  func note(_ level: LogLevel, _ message: String) { settings.log(level, "READER", message) }

  /// A question to brokers blocks: it is asked on a thread of its own, and answered by event.
  func ask(_ question: @escaping @Sendable (Client) -> PoolEvent) {
    guard let reader else { return }
    let shared = shared
    _ = NativeThread(named: "kafka-request") {
      if let answer = reader.withLease({ question($0) }) { shared.post(answer) }
    }
  }
}
