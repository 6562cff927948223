internal import Synchronization

/// What is wrong, and what is done about it.
extension PoolControl {
  mutating func count(_ error: KafkaError) {
    isDirty = true
    view.errors[error.kind, default: 0] += 1
    view.lastFailure = ConsumerSnapshot.Failure(
      kind: error.kind, name: error.name, text: error.reason, at: Clock.milliseconds)
  }

  /// The reading client as a whole says that something is wrong. Only a fatal error is more than information.
  mutating func readerFailed(_ error: KafkaError) {
    count(error)
    let wall = Clock.milliseconds
    switch error.kind {
    case .fatal:
      ledger.raise(.fatal, at: wall, "the client is dead and being made anew: \(error)")
      retireReader()
    case .credentials: ledger.raise(.credentials, at: wall, "authentication refused: \(error)")
    case .authorisation: ledger.raise(.authorisation(""), at: wall, error.description)
    case .transient where error.code == PoolControl.allBrokersDown:
      // Also said when the one connection that was in use closes. The next question shows whether it is true.
      hastenMetadata(afterMilliseconds: 0)
    case .transient: lastTransportText = error.reason
    default: break
    }
  }

  mutating func memberFailed(_ error: KafkaError) {
    count(error)
    guard case .group(let name) = options.mode else { return }
    let wall = Clock.milliseconds
    switch error.kind {
    case .fatal:
      ledger.raise(.fatal, at: wall, "membership in group \"\(name)\" is lost and being made anew: \(error)")
      retireMember()
    case .credentials: ledger.raise(.credentials, at: wall, "authentication refused: \(error)")
    case .authorisation, .group: ledger.raise(.group, at: wall, "group \"\(name)\": \(error)")
    default: break
    }
  }

  /// A worker heard an error in place of records.
  mutating func readFailed(_ partition: Partition, _ error: KafkaError, at offset: Int64) {
    let name = partition.name
    count(error)
    guard let holding = holdings[name], holding.partition === partition, holding.phase == .reading else { return }
    if error.kind == .transient { return }  // librdkafka tries again by itself
    let wall = Clock.milliseconds
    holdings[name]?.error = error.description
    holdings[name]?.failedAt = now
    holdings[name]?.attempts += 1
    var delay = backoff(holding.attempts) / 1_000_000
    switch error.kind {
    case .position:
      // `auto.offset.reset=error`: where to go is ours to say. Looked up again, the gap is counted.
      delay = 0
    case .data:
      // It may have been the broker's bad moment: twice it gets another chance.
      if holding.attempts >= 2 { skip(name, holding, at: offset, error) }
    case .topic:
      hastenMetadata()
    case .authorisation:
      ledger.raise(.authorisation(name.topic), at: wall, "topic \"\(name.topic)\": \(error)")
      delay = 5000
    default:
      ledger.raise(.partition(name), at: wall, "\(name) cannot be read at offset \(offset): \(error)")
    }
    relocate(name, afterMilliseconds: delay)
  }

  /// Bytes that librdkafka cannot decode would be fetched again for ever. Where their batch ends it does not say: step
  /// over them in doubling strides until something can be read.
  private mutating func skip(_ name: TopicPartition, _ holding: Holding, at offset: Int64, _ error: KafkaError) {
    let from = max(0, offset)
    if let skip = holding.skip, from <= skip.from + skip.step {
      holdings[name]?.skip = (skip.from, skip.step * 2)
    } else {
      holdings[name]?.skip = (from, 1)
      note(.error, "\(name): skipping what cannot be decoded at offset \(from): \(error)")
    }
  }

  /// Reading went on after an error.
  mutating func recovered(_ name: TopicPartition) {
    holdings[name]?.error = nil
    holdings[name]?.failedAt = 0
    holdings[name]?.attempts = 0
    holdings[name]?.skip = nil
    ledger.clear(.partition(name))
    let stillFailing = holdings.values.contains { $0.partition.name.topic == name.topic && $0.error != nil }
    if !stillFailing { ledger.clear(.authorisation(name.topic)) }
  }

  static let allBrokersDown: Int32 = -187
}
