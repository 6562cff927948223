internal import Synchronization

/// What exists: topics, partitions, leaders, and whether those answer.
extension PoolControl {
  /// Asks for metadata when it is due, and right away when something suggests that it has changed.
  mutating func askForMetadata() {
    guard reader != nil, !metadataIsAsked, now >= nextMetadata else { return }
    metadataIsAsked = true
    nextMetadata = now + max(10_000_000, options.discoveryInterval.wholeMilliseconds * 1_000_000)
    // All topics only where that is needed: to match expressions, and to find names not seen yet. A name that is asked
    // for may be created by that on some brokers.
    let all = selection.hasPatterns || selection.names.contains { !seenTopics.contains($0) || topics[$0] == nil }
    let unsure = settings.isAnonymous ? [] : selection.names
    let (timeout, life) = (options.requestTimeout, readerLife)
    ask { client in
      let deadline = Deadline(in: timeout)
      var result = client.metadata(all ? .all : .known, until: deadline)
      if case .success(var metadata) = result {
        // Among all topics those are left out that this client may not describe: a name by itself gets the reason.
        for name in unsure where metadata.topics[name] == nil {
          guard case .success(let single) = client.metadata(.topic(name), until: deadline) else { continue }
          metadata.topics[name] = single.topics[name]
        }
        result = .success(metadata)
      }
      return .metadata(result, life: life)
    }
  }

  /// Metadata soon, but not in a tight loop.
  mutating func hastenMetadata(afterMilliseconds delay: Int64 = 200) {
    nextMetadata = min(nextMetadata, now + delay * 1_000_000)
  }

  mutating func take(_ result: Result<ClusterMetadata, KafkaError>) {
    metadataIsAsked = false
    switch result {
    case .failure(let error):
      count(error)
      ledger.raise(
        .brokers, at: Clock.milliseconds,
        "no broker answers (\(settings.bootstrap)): \(lastTransportText ?? error.description)")
      hastenMetadata(afterMilliseconds: 1000)
    case .success(let answer):
      ledger.clear(.brokers)
      lastTransportText = nil
      // An answer about known topics only says nothing of the others.
      metadata = answer
      judgeTopics()
      if member == nil, case .all = options.mode { takeAllPartitions() }
      probeLeaders()
      if !ledger.isEmpty { hastenMetadata(afterMilliseconds: 1000) }
    }
  }

  /// Which of the wanted topics are there.
  private mutating func judgeTopics() {
    let wall = Clock.milliseconds
    var matched: [String] = []
    for (name, topic) in metadata.topics where selection.includes(name) {
      switch topic.error?.kind {
      case nil, .transient:
        matched.append(name)
        seenTopics.insert(name)
        ledger.clear(.topic(name))
        if holdings.values.allSatisfy({ $0.partition.name.topic != name || $0.error == nil }) {
          ledger.clear(.authorisation(name))
        }
      case .topic:
        break  // told below, if it was asked for by name
      case .authorisation:
        ledger.raise(.authorisation(name), at: wall, "topic \"\(name)\": \(topic.error?.description ?? "")")
      default:
        ledger.raise(.topic(name), at: wall, "topic \"\(name)\": \(topic.error?.description ?? "")")
      }
    }
    for name in selection.names {
      let error = metadata.topics[name]?.error
      guard metadata.topics[name] == nil || error?.kind == .topic else { continue }
      let hint = settings.isAnonymous ? "" : " or may not be described with these credentials"
      ledger.raise(
        .topic(name), at: wall, "topic \"\(name)\" does not exist\(hint) on brokers \(settings.bootstrap)")
    }
    for pattern in selection.patterns where !matched.contains(where: { !selection.names.contains($0) }) {
      ledger.raise(.topic(pattern), at: wall, "no topic matches \"\(pattern)\" on brokers \(settings.bootstrap)")
    }
    if matched.contains(where: { !selection.names.contains($0) }) {
      for pattern in selection.patterns { ledger.clear(.topic(pattern)) }
    }
    view.matchedTopics = matched.sorted()
  }

  /// Mode `all`: every partition of every matching topic is ours.
  private mutating func takeAllPartitions() {
    for name in view.matchedTopics {
      for partition in (metadata.topics[name]?.leaders ?? [:]).keys.sorted() {
        hold(TopicPartition(name, partition))
      }
    }
    for name in holdings.keys {
      let topic = metadata.topics[name.topic]
      if topic?.error?.kind == .transient { continue }
      if topic?.error == nil, topic?.leaders[name.partition] != nil {
        holdings[name]?.absent = 0
        continue
      }
      // A broker that has just started may not know its topics yet: believe it the second time.
      holdings[name]?.absent += 1
      hastenMetadata(afterMilliseconds: 1000)
      if let absent = holdings[name]?.absent, absent >= 2 {
        note(.warning, "\(name) is gone: reading it stops, and starts at the edge of the window should it come back")
        release { $0 == name }
        forgotten.insert(name)
      }
    }
    if selection.names.allSatisfy(seenTopics.contains), !seenTopics.isEmpty { view.isAssigned = true }
  }

  // MARK: Leaders

  /// Asks each leader for the ends of our partitions: fresh high watermarks, and proof that it answers.
  private mutating func probeLeaders() {
    guard probesOpen == 0 else { return }
    probesFailed = 0
    let reading = holdings.values.filter { $0.phase == .reading }.map(\.partition.name)
    let byLeader = Dictionary(grouping: reading) { leader(of: $0) ?? -1 }
    // A broker that leads nothing of ours is no matter.
    let asked = Set(byLeader.keys).union(
      holdings.values.filter { $0.phase == .locating }.map { leader(of: $0.partition.name) ?? -1 })
    ledger.clear { if case .leader(let id) = $0 { !asked.contains(id) } else { false } }
    for (leader, names) in byLeader {
      guard leader >= 0 else {
        raiseLeaderless(names)
        continue
      }
      probesOpen += 1
      let (timeout, life) = (options.requestTimeout, readerLife)
      ask { client in
        let answers = client.offsets(of: names, at: Offset.end, until: Deadline(in: timeout))
        return .probed(answers, leader: leader, life: life)
      }
    }
    if probesOpen == 0 && byLeader.isEmpty { credentialsWork() }
  }

  mutating func take(probe answers: [TopicPartition: Result<Int64, KafkaError>], from leader: Int32) {
    probesOpen = max(0, probesOpen - 1)
    var failure: KafkaError?
    for (name, answer) in answers {
      switch answer {
      case .success(let high):
        if high >= 0 { holdings[name]?.partition.high.store(high, ordering: .relaxed) }
      case .failure(let error):
        failure = error
      }
    }
    if let failure {
      count(failure)
      probesFailed += 1
      raise(failure, leader: leader, partitions: Array(answers.keys))
      hastenMetadata(afterMilliseconds: 1000)
    } else {
      ledger.clear(.leader(leader))
    }
    if probesOpen == 0 && probesFailed == 0 { credentialsWork() }
  }

  /// A worker whose queue was full and now is empty could wait up to a second: librdkafka's thread for a broker, which
  /// had stopped fetching, looks again only when something wakes it. A question to that broker does, and freshens a
  /// high watermark. (32 MB with 1 MiB of queue: 22 s without this, 0.2 s with it.)
  mutating func nudgeLeaders() {
    guard wantsNudge, nudgesOpen == 0, now >= nextNudge else { return }
    wantsNudge = false
    nextNudge = now + PoolControl.nudgeInterval.wholeMilliseconds * 1_000_000
    var oneOf: [Int32: TopicPartition] = [:]
    for (name, holding) in holdings where holding.phase == .reading {
      let partition = holding.partition
      guard partition.position.load(ordering: .relaxed) < partition.high.load(ordering: .relaxed),
        let leader = leader(of: name)
      else { continue }
      oneOf[leader] = name
    }
    let (timeout, life) = (options.requestTimeout, readerLife)
    for name in oneOf.values {
      nudgesOpen += 1
      ask { .nudged($0.offsets(of: [name], at: Offset.end, until: Deadline(in: timeout)), life: life) }
    }
  }

  mutating func takeNudge(_ answers: [TopicPartition: Result<Int64, KafkaError>]) {
    nudgesOpen = max(0, nudgesOpen - 1)
    // Failures are the probes' business.
    for (name, answer) in answers {
      if case .success(let high) = answer, high >= 0 { holdings[name]?.partition.high.store(high, ordering: .relaxed) }
    }
  }

  /// All brokers that matter have answered.
  private mutating func credentialsWork() {
    ledger.clear(.credentials)
    ledger.clear(.authorisation(""))
  }

  mutating func raiseLeaderless(_ names: [TopicPartition]) {
    ledger.raise(.leader(-1), at: Clock.milliseconds, "no broker leads \(PoolControl.list(names))")
    hastenMetadata(afterMilliseconds: 1000)
  }

  mutating func raise(_ error: KafkaError, leader: Int32, partitions names: [TopicPartition]) {
    let wall = Clock.milliseconds
    let address = metadata.brokers[leader] ?? "unknown address"
    switch error.kind {
    case .credentials: ledger.raise(.credentials, at: wall, "authentication refused: \(error)")
    case .authorisation:
      for topic in Set(names.map(\.topic)) {
        ledger.raise(.authorisation(topic), at: wall, "topic \"\(topic)\": \(error)")
      }
    case .topic: break  // the next metadata tells
    default:
      ledger.raise(
        .leader(leader), at: wall,
        "broker \(leader) (\(address)), leader of \(PoolControl.list(names)), does not answer: \(error)")
    }
  }

  /// The first few names, so that a line stays a line.
  static func list(_ names: [TopicPartition]) -> String {
    let shown = names.sorted().prefix(5).map(\.description).joined(separator: ", ")
    return names.count > 5 ? "\(shown) and \(names.count - 5) more" : shown
  }
}
