internal import Synchronization

/// What is ours, and where it starts.
extension PoolControl {
  /// Takes a partition on, if it is not held already.
  mutating func hold(_ name: TopicPartition) {
    guard holdings[name] == nil else { return }
    let partition = known[name] ?? Partition(id: known.count, name)
    known[name] = partition
    // Replayed is said of this assignment, not of an earlier one.
    partition.target.store(-1, ordering: .releasing)
    partition.start.store(-1, ordering: .relaxed)
    holdings[name] = Holding(partition: partition, worker: leastBusyWorker(for: name.topic))
  }

  /// The worker with the fewest partitions of the topic, and of these the one with the fewest at all: topics differ in
  /// load more than partitions of one topic do.
  private func leastBusyWorker(for topic: String) -> Int {
    var loads = [(ofTopic: Int, all: Int)](repeating: (0, 0), count: workers.count)
    for holding in holdings.values {
      loads[holding.worker].all += 1
      if holding.partition.name.topic == topic { loads[holding.worker].ofTopic += 1 }
    }
    return loads.indices.min { loads[$0] < loads[$1] } ?? 0
  }

  /// Lets partitions go. Their positions stay known.
  mutating func release(where isGone: (TopicPartition) -> Bool) {
    for (name, holding) in holdings where isGone(name) {
      workers[holding.worker].post(.stop(holding.partition))
      holdings[name] = nil
      committed[name] = nil
      ledger.clear(.partition(name))
    }
    let left = Set(holdings.keys.map(\.topic))
    topics = topics.filter { left.contains($0.key) }
  }

  /// Goes back to looking for the place to read from.
  mutating func relocate(_ name: TopicPartition, afterMilliseconds delay: Int64 = 0) {
    guard let holding = holdings[name], holding.phase == .reading else { return }
    workers[holding.worker].post(.stop(holding.partition))
    holdings[name]?.phase = .locating
    holdings[name]?.ticket += 1
    holdings[name]?.isAsked = false
    holdings[name]?.notBefore = now + delay * 1_000_000
    isDirty = true
  }

  /// Asks where the partitions start that have no place yet: one thread per leader, so that a slow one holds up its own.
  mutating func locatePartitions() {
    guard let reader else { return }
    let waiting = holdings.filter { $0.value.phase == .locating && !$0.value.isAsked && now >= $0.value.notBefore }
    guard !waiting.isEmpty else { return }
    let timestamp = options.startTimestamp()
    let lookup = options.lookup ?? BrokerOffsetLookup(client: reader)
    for (leader, group) in Dictionary(grouping: waiting, by: { leader(of: $0.key) ?? -1 }) {
      guard leader >= 0 else {
        for (name, _) in group { holdings[name]?.notBefore = now + PoolControl.second }
        // Known by name, but in no answer yet: ask first, complain when that says that nobody leads it.
        let leaderless = group.map(\.key).filter { metadata.topics[$0.topic]?.leaders[$0.partition] != nil }
        if !leaderless.isEmpty { raiseLeaderless(leaderless) }
        hastenMetadata(afterMilliseconds: 0)
        continue
      }
      var requests: [Locator.Request] = []
      var tickets: [TopicPartition: Int] = [:]
      for (name, holding) in group {
        holdings[name]?.isAsked = true
        tickets[name] = holding.ticket
        let position = holding.partition.position.load(ordering: .acquiring)
        let isKnown = position >= 0 && !forgotten.contains(name)
        requests.append(Locator.Request(partition: name, position: isKnown ? position : nil))
      }
      let (timeout, life, asked, numbers) = (options.requestTimeout, readerLife, requests, tickets)
      ask { client in
        let locator = Locator(client: client, lookup: lookup, timeout: timeout)
        return .located(locator.locate(asked, since: timestamp), leader: leader, tickets: numbers, life: life)
      }
    }
    if !waiting.contains(where: { leader(of: $0.key) == nil }) { ledger.clear(.leader(-1)) }
  }

  mutating func take(
    _ answers: [TopicPartition: Result<Locator.Answer, KafkaError>], from leader: Int32,
    tickets: [TopicPartition: Int]
  ) {
    var failed: [TopicPartition] = []
    var failure: KafkaError?
    for (name, answer) in answers {
      guard let holding = holdings[name], holding.ticket == tickets[name], holding.phase == .locating else { continue }
      holdings[name]?.isAsked = false
      switch answer {
      case .success(let located): start(name, holding, located)
      case .failure(let error):
        failed.append(name)
        failure = error
        holdings[name]?.attempts += 1
        holdings[name]?.error = "cannot tell where to start: \(error)"
        let pause = backoff(holding.attempts)
        holdings[name]?.notBefore = now + pause
        count(error)
      }
    }
    if let failure {
      raise(failure, leader: leader, partitions: failed)
      hastenMetadata()
    } else if !answers.isEmpty {
      ledger.clear(.leader(leader))
    }
  }

  private mutating func start(_ name: TopicPartition, _ holding: Holding, _ located: Locator.Answer) {
    guard let topic = topic(name.topic) else {
      let pause = backoff(holding.attempts)
      holdings[name]?.notBefore = now + pause
      return
    }
    var point = located.start
    if let skip = holding.skip {
      point.offset = min(max(point.offset, skip.from + skip.step), max(point.high, point.offset))
      view.recordsLost += max(0, point.offset - skip.from - (skip.step == 1 ? 0 : skip.step / 2))
    }
    if located.isGap {
      view.gaps += 1
      view.recordsLost += located.lost
      let position = holding.partition.position.load(ordering: .relaxed)
      note(
        .warning,
        "\(name): position \(position) is not in \(point.low)..<\(point.high) any more, reading on at \(point.offset)"
          + (located.lost > 0 ? "; \(located.lost) records were gone before they were read" : ""))
    }
    forgotten.remove(name)
    holdings[name]?.phase = .reading
    holdings[name]?.ticket += 1
    // Errors that reading ran into are over when reading gets on, not before.
    if holding.failedAt == 0 { holdings[name]?.error = nil }
    workers[holding.worker].post(.start(holding.partition, topic, at: point))
  }

  /// A quarter of a second, doubled with each attempt, at most 5 seconds.
  func backoff(_ attempts: Int) -> Int64 { min(250 << Int64(min(attempts, 5)), 5000) * 1_000_000 }

  private mutating func topic(_ name: String) -> TopicHandle? {
    if let topic = topics[name] { return topic }
    guard let reader else { return nil }
    let topic = TopicHandle(name, of: reader)
    topics[name] = topic
    return topic
  }

  // MARK: The group's word

  mutating func take(_ event: GroupEvent) {
    switch event {
    case .assigned(let names, let incremental):
      owned = incremental ? owned.union(names) : Set(names)
      revokedAt = nil
      view.isAssigned = true
      view.memberID = member?.memberID
      view.rebalances += 1
      view.lastRebalanceAt = Clock.milliseconds
      ledger.clear(.group)
      let owned = owned
      release { !owned.contains($0) }
      for name in owned.sorted() { hold(name) }
    case .revoked(let names, incremental: true):
      owned.subtract(names)
      let gone = Set(names)
      release { gone.contains($0) }
    case .revoked(_, incremental: false):
      // Most of them come back in a moment. Reading them on meanwhile harms nobody: samples may be applied twice.
      revokedAt = now
      waitForGroup()
    case .failed(let error): memberFailed(error)
    case .commitFailed(let error): count(error)
    }
  }

  mutating func waitForGroup() {
    guard case .group(let name) = options.mode else { return }
    ledger.raise(.group, at: Clock.milliseconds, "waiting for group \"\(name)\" to give out partitions")
  }
}
