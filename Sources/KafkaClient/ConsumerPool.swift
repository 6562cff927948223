internal import CRdKafka
internal import Synchronization

/// Reads Kafka with many threads: every partition, or a share that a consumer group gives out, from the edge of a time
/// window on.
///
/// Threads and who owns what:
/// - N workers, each with a queue of librdkafka that the partitions given to it feed, and a ``RecordProcessor``. What a
///   worker reads from where is its own; it is told by commands.
/// - one control thread: what is assigned, where it starts, what is wrong. It owns all of that without locks, takes
///   events from a mailbox, serves librdkafka's callbacks, and never blocks.
/// - short-lived threads for questions to brokers, which block; they answer by event.
///
/// Locks are leaves: the mailbox, a worker's inbox, the published state, a client's leases, the read-your-writes
/// monitor. None is taken while another is held, and no callback of the embedder runs inside any.
public final class ConsumerPool: Sendable {
  private let shared: PoolShared
  private let control: NativeThread
  private let options: ConsumerOptions
  private let startedAt = Clock.milliseconds

  /// Starts reading; does not wait for brokers.
  ///
  /// - Parameter makeProcessor: called once on each worker's thread with its number, from 0.
  /// - Throws: settings that cannot work, whatever the brokers say. Brokers that are away, or topics that do not exist
  ///   (yet), are no error here: see ``ConsumerSnapshot/trouble``.
  public init(
    settings: ClientSettings, options: ConsumerOptions,
    makeProcessor: @escaping @Sendable (_ worker: Int) -> any RecordProcessor
  ) throws(SettingsError) {
    let selection = try TopicSelection(options.topics)
    let shared = PoolShared()
    let clients = ClientFactory(settings: settings, options: options, selection: selection, shared: shared)
    let reader = try clients.makeReader(life: 0)
    let member: GroupMember?
    do throws(SettingsError) {
      member = try clients.makeMember(life: 0)
    } catch {
      reader.close()
      throw error
    }
    let reports = Worker.Reports(
      failed: { shared.post(.readFailed($0, $1, offset: $2)) },
      progressed: { shared.noteProgress() },
      drained: { shared.post(.drained) },
      detached: { shared.post(.detached(worker: $0)) })
    let workers = (0..<options.threads).map { index in
      Worker(index: index, batchMax: options.batchMax, reports: reports, makeProcessor: makeProcessor)
    }
    self.shared = shared
    self.options = options
    control = NativeThread(named: "kafka-control") {
      var control = PoolControl(
        options: options, settings: settings, selection: selection, clients: clients, shared: shared,
        workers: workers, reader: reader, member: member)
      control.run()
    }
  }

  deinit { shared.post(.stop(Deadline(in: .seconds(5)))) }

  /// Stops reading: applies the batches in hand, leaves the group, commits, closes the client. Idempotent.
  ///
  /// - Returns: whether all of it was done within `limit`. If not, what is left goes on in the background and is best
  ///   ended by ending the process: librdkafka 2.0.2 may hang in close and destroy.
  @discardableResult
  public func stop(within limit: Duration) -> Bool {
    let deadline = Deadline(in: limit)
    shared.post(.stop(deadline))
    return control.join(until: deadline) && shared.isStopped
  }

  /// Everything at one moment. Cheap enough to be asked at every scrape; never waits for a broker.
  public func snapshot() -> ConsumerSnapshot {
    let state = shared.published.withLock { $0 }
    let now = Clock.monotonicNanoseconds
    func known(_ offset: Int64) -> Int64? { offset >= 0 ? offset : nil }
    let partitions = state.holdings.map { holding in
      let partition = holding.partition
      let heard = partition.lastHeard.load(ordering: .relaxed)
      let last = partition.lastRecordAt.load(ordering: .relaxed)
      let low = known(partition.low.load(ordering: .relaxed))
      let high = known(partition.high.load(ordering: .relaxed))
      return ConsumerSnapshot.Partition(
        topic: partition.name.topic, partition: partition.name.partition, sourceID: partition.source.id,
        worker: holding.worker, state: holding.isReading ? .reading : .locating,
        start: known(partition.start.load(ordering: .relaxed)),
        position: known(partition.position.load(ordering: .acquiring)),
        target: known(partition.target.load(ordering: .relaxed)), lowWatermark: low, highWatermark: high,
        leader: holding.leader, isReplayed: partition.isReplayed,
        records: partition.records.load(ordering: .relaxed), bytes: partition.bytes.load(ordering: .relaxed),
        lastRecordAt: last > 0 ? last : nil, quietMilliseconds: heard > 0 ? max(0, now - heard) / 1_000_000 : nil,
        error: holding.error)
    }
    var group: String?
    if case .group(let name) = options.mode { group = name }
    return ConsumerSnapshot(
      group: group, memberID: state.memberID, topics: options.topics, matchedTopics: state.matchedTopics,
      partitions: partitions, isAssigned: state.isAssigned, rebalances: state.rebalances,
      lastRebalanceAt: state.lastRebalanceAt, trouble: state.trouble, errors: state.errors,
      lastFailure: state.lastFailure, brokers: state.brokers, threads: options.threads,
      records: state.known.reduce(0) { $0 + $1.records.load(ordering: .relaxed) },
      bytes: state.known.reduce(0) { $0 + $1.bytes.load(ordering: .relaxed) },
      queueRecords: state.queued.records, queueBytes: state.queued.bytes, gaps: state.gaps,
      recordsLost: state.recordsLost, recreations: state.recreations, startedAt: startedAt)
  }

  public enum ReadYourWrites: Hashable, Sendable {
    /// Everything that brokers had acknowledged before the call is applied.
    case applied
    /// Not all of it in time; these partitions are behind.
    case behind([TopicPartition])
    /// Brokers did not say in time how far these partitions reach, or nothing is assigned yet.
    case unknown([TopicPartition])
  }

  /// Waits until every record that the brokers had when this was called is applied, in all partitions assigned now.
  /// Blocks: not for an I/O thread.
  /// - Parameter isAbandoned: whether nobody waits for it any more; it then returns before its time.
  public func waitUntilApplied(
    within limit: Duration, isAbandoned: () -> Bool = { false }
  ) -> ReadYourWrites {
    let deadline = Deadline(in: limit)
    shared.waiters.add(1, ordering: .sequentiallyConsistent)
    defer { shared.waiters.subtract(1, ordering: .sequentiallyConsistent) }
    var ends: [TopicPartition: Int64] = [:]
    while true {
      let state = shared.published.withLock { $0 }
      let open = state.holdings.filter { ends[$0.partition.name] == nil }
      if state.isAssigned && open.isEmpty { return waitForPositions(ends, until: deadline, isAbandoned) }
      for (_, group) in Dictionary(grouping: open.filter { ($0.leader ?? -1) >= 0 }, by: \.leader) {
        let step = min(deadline.left, options.requestTimeout)
        let answers = state.client?.withLease {
          $0.offsets(of: group.map(\.partition.name), at: Offset.end, until: Deadline(in: step))
        }
        for (partition, answer) in answers ?? [:] { ends[partition] = try? answer.get() }
      }
      let missing = open.map(\.partition.name).filter { ends[$0] == nil }
      if state.isAssigned && missing.isEmpty { continue }
      if deadline.hasPassed || isAbandoned() { return .unknown(missing.sorted()) }
      // Not assigned, or without leader: the control thread is at it.
      _ = shared.progress.wait(until: Deadline(in: min(deadline.left, .milliseconds(50)))) { _ in Bool?.none }
    }
  }

  /// Makes the reading client believe that it is dead, as librdkafka's own tests do.
  package func simulateFatalError() {
    let client = shared.published.withLock { $0.client }
    _ = client?.withLease { rd_kafka_test_fatal_error($0.handle, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, "simulated") }
  }

  private func waitForPositions(
    _ ends: [TopicPartition: Int64], until deadline: Deadline, _ isAbandoned: () -> Bool
  ) -> ReadYourWrites {
    func behind() -> [TopicPartition] {
      shared.published.withLock { $0.holdings }.filter { holding in
        guard let end = ends[holding.partition.name] else { return false }
        return holding.partition.position.load(ordering: .sequentiallyConsistent) < end
      }.map(\.partition.name)
    }
    while true {
      let seen = shared.progressCount.load(ordering: .sequentiallyConsistent)
      let lagging = behind()
      if lagging.isEmpty { return .applied }
      if deadline.hasPassed || isAbandoned() { return .behind(lagging.sorted()) }
      _ = shared.progress.wait(until: Deadline(in: min(deadline.left, .milliseconds(50)))) { _ in
        shared.progressCount.load(ordering: .sequentiallyConsistent) != seen ? true : nil
      }
    }
  }
}

/// What the threads of a pool share.
final class PoolShared: Sendable {
  let mailbox = Monitor([PoolEvent]())
  let published = Monitor(PublishedState())
  /// Readers of their own writes wait here. Woken only while `waiters` is above 0: a worker then pays a lock per batch.
  let progress = Monitor(())
  let waiters = Atomic<Int>(0)
  let progressCount = Atomic<Int>(0)
  private let stopped = Atomic<Bool>(false)

  func post(_ event: PoolEvent) { mailbox.update { $0.append(event) } }

  /// Called by workers after each batch. Order: the position was stored before; whoever waits counts itself in before
  /// it looks at positions. So either it sees the position or this sees it.
  func noteProgress() {
    guard waiters.load(ordering: .sequentiallyConsistent) > 0 else { return }
    progress.update { _ in _ = progressCount.add(1, ordering: .sequentiallyConsistent) }
  }

  var isStopped: Bool { stopped.load(ordering: .acquiring) }
  func noteStopped() { stopped.store(true, ordering: .releasing) }
}

/// Makes a pool's clients, at its start and whenever one has died.
struct ClientFactory: Sendable {
  let settings: ClientSettings
  let options: ConsumerOptions
  let selection: TopicSelection
  let shared: PoolShared

  func makeReader(life: Int) throws(SettingsError) -> Client {
    let shared = shared
    let callbacks = ClientCallbacks(
      log: settings.log,
      onError: { shared.post(.clientFailed($0, life: life)) },
      onStatistics: { shared.post(.statistics($0, life: life)) })
    return try Client(
      RD_KAFKA_CONSUMER, settings, defaults: options.readerDefaults(selection),
      fixed: [
        ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
        ("enable.partition.eof", "true"),
      ],
      callbacks: callbacks)
  }

  /// `nil` when there is no group to be a member of.
  func makeMember(life: Int) throws(SettingsError) -> GroupMember? {
    guard case .group(let group) = options.mode else { return nil }
    guard !group.isEmpty else { throw .refused(reason: "the consumer group has no name") }
    let shared = shared
    return try GroupMember(
      group, settings: settings, topics: selection, defaults: options.commonDefaults(selection),
      report: { shared.post(.group($0, life: life)) })
  }
}
