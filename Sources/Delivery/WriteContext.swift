internal import Configuration
internal import TimeSeries
internal import Wire

/// What one thread needs to read a request and to sort its samples by lanes and partitions; used request after request.
///
/// `@unchecked Sendable`: one owner at a time, the thread that has taken it out of its route.
final class WriteContext: RemoteWriteSink, @unchecked Sendable {
  private var decoder: RemoteWriteDecoder
  var unpacked = ByteWriter(capacity: 64 << 10)
  /// What was refused for good, by reason, and the first of it in words.
  private(set) var rejected: [String: Int] = [:]
  private(set) var firstRejection: String?
  /// Samples that are too far in the future, or too large for any record; of those that the decoder has let through.
  private(set) var refusedLater = 0
  /// Whether there was no memory for all samples.
  private(set) var isOverBudget = false

  private let lanes: [LaneStage]
  /// Of each lane, of this request.
  private var laneCounts: [LaneCounts]
  private let copies: [Copy]
  private let targets: [TargetStage]
  private let budget: ByteBudget
  private let metadataStore: MetadataStore
  /// What has been taken from the budget and is not used yet.
  private var allowance = 0
  private static let allowanceBytes = 256 << 10
  /// Later samples are refused.
  private var timestampMax = Int64.max
  private var scratch = ByteWriter(capacity: 1024)
  private var kept = SampleColumns()
  /// Metadata that was told already, by its hash: senders of version 2 repeat it with every series.
  private var told: Set<UInt64> = []

  private struct LaneStage {
    let lane: Lane
    let target: TargetStage
  }

  /// What is known of a series that several lanes look at.
  private final class Copy {
    var writer = ByteWriter(capacity: 512)
    var series: KnownSeries?
  }

  init(_ route: Route) {
    decoder = RemoteWriteDecoder(limits: route.limits)
    budget = route.budget
    metadataStore = route.metadata
    var targets: [TargetStage] = []
    var lanes: [LaneStage] = []
    for (lane, target) in route.lanes {
      let stage = targets.first { $0.target === target } ?? TargetStage(target)
      if !targets.contains(where: { $0 === stage }) { targets.append(stage) }
      lanes.append(LaneStage(lane: lane, target: stage))
    }
    self.lanes = lanes
    self.targets = targets
    laneCounts = lanes.map { LaneCounts(lines: $0.lane.source.filter.count) }
    copies = lanes.map { _ in Copy() }
  }

  // MARK: A request

  /// - Parameter timestampMax: samples later than this are refused.
  /// - Returns: the target that cannot take anything yet, if there is one.
  func begin(timestampMax: Int64) -> Target? {
    self.timestampMax = timestampMax
    for target in targets { target.begin() }
    return targets.first { $0.partitionCount == 0 }?.target
  }

  /// Reads what has been unpacked.
  func decode(as version: RemoteWriteVersion) throws -> RemoteWriteTally {
    try unpacked.withBytes { try decoder.decode($0, as: version, to: self) }
  }

  var hasSamples: Bool { targets.contains { $0.hasSamples } }

  /// Hands everything over to the targets, and counts it.
  func commit(_ ticket: WriteTicket?) {
    for target in targets where target.hasSamples { target.commit(ticket) }
    for i in lanes.indices { lanes[i].lane.add(laneCounts[i]) }
    reset()
  }

  /// Forgets the request.
  func discard() {
    for target in targets { target.discard() }
    reset()
  }

  private func reset() {
    for i in laneCounts.indices { laneCounts[i].reset() }
    rejected.removeAll(keepingCapacity: true)
    firstRejection = nil
    refusedLater = 0
    isOverBudget = false
    budget.give(allowance)
    allowance = 0
    // One very large request shall not keep its memory for ever.
    if unpacked.count > 4 << 20 { unpacked = ByteWriter(capacity: 64 << 10) }
  }

  // MARK: Series

  func known(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool {
    if isOverBudget { return true }
    guard lanes.count == 1 else { return knownToAll(identity, samples) }
    if isTooNew(samples) { return false }  // the long way, which knows what to do
    return lanes[0].lane.cache.find(identity) { append($0, 0, samples) }
  }

  /// A series counts as known when all lanes know it. Heads are copied, as what one lane knows may be forgotten while
  /// another is asked.
  private func knownToAll(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool {
    if isTooNew(samples) { return false }
    for i in lanes.indices {
      let isKnown = lanes[i].lane.cache.find(identity) { series in
        copies[i].writer.removeAll()
        copies[i].writer.append(series.head)
        copies[i].series = series
      }
      if !isKnown { return false }
    }
    for i in lanes.indices {
      guard var series = copies[i].series else { return false }
      copies[i].writer.withBytes { head in
        series.head = head
        append(series, i, samples)
      }
    }
    return true
  }

  func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns
  ) {
    if isOverBudget { return }
    guard isTooNew(samples) else { return meet(labels, identity, samples) }
    kept.removeAll()
    for i in 0..<samples.count where samples.timestamps[i] <= timestampMax {
      kept.append(samples.timestamps[i], bits: samples.values[i].bitPattern)
    }
    refuse("too_new", samples.count - kept.count) {
      "\(LabelSet(copying: labels)) has a sample that is too far in the future"
    }
    if kept.count > 0 { meet(labels, identity, kept) }
  }

  private func meet(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns
  ) {
    for i in lanes.indices {
      let isKnown = identity.map { lanes[i].lane.cache.find($0) { append($0, i, samples) } } ?? false
      if !isKnown { lanes[i].lane.meet(labels, identity, scratch: &scratch) { append($0, i, samples) } }
    }
  }

  private func isTooNew(_ samples: borrowing SampleColumns) -> Bool {
    for i in 0..<samples.count where samples.timestamps[i] > timestampMax { return true }
    return false
  }

  /// Samples of a series that one lane has looked at.
  @inline(__always)
  private func append(_ series: KnownSeries, _ lane: Int, _ samples: borrowing SampleColumns) {
    laneCounts[lane].received &+= samples.count
    guard series.rejectingLine < 0 else {
      laneCounts[lane].rejected[Int(series.rejectingLine)] &+= samples.count
      return
    }
    let stage = lanes[lane].target
    guard stage.fits(series.head) else {
      laneCounts[lane].tooLarge += samples.count
      return refuse("too_large", samples.count) { "a series' labels alone fill a record" }
    }
    for i in 0..<samples.count {
      var bits = samples.values[i].bitPattern
      if bits == StaleMarker.bits {
        switch lanes[lane].lane.staleMarkers {
        case .drop:
          laneCounts[lane].staleMarkersDropped += 1
          continue
        case .nan: bits = StaleMarker.normalNaNBits
        case .staleNaN: break
        }
      }
      let most = series.head.count &+ DeliveredEncoder.tailBytesMax
      if allowance < most, !refillAllowance(most) { return }
      allowance &-= stage.append(series, bits: bits, timestamp: samples.timestamps[i])
      laneCounts[lane].passed &+= 1
      if series.movedLabels > 0 { laneCounts[lane].movedLabels += 1 }
    }
  }

  private func refillAllowance(_ bytes: Int) -> Bool {
    let wanted = max(Self.allowanceBytes, bytes)
    guard budget.take(wanted) else {
      isOverBudget = true
      return false
    }
    allowance += wanted
    return true
  }

  // MARK: What is left out

  func reject(_ rejection: SeriesRejection, samples: Int, text: @autoclosure () -> String) {
    rejected[rejection.rawValue, default: 0] += samples
    if firstRejection == nil { firstRejection = "\(rejection.words): \(text())" }
  }

  private func refuse(_ reason: String, _ samples: Int, _ text: () -> String) {
    refusedLater += samples
    rejected[reason, default: 0] += samples
    if firstRejection == nil { firstRejection = text() }
  }

  // MARK: Metadata

  func metadata(_ metadata: FamilyMetadata) {
    var hash = KeyedHash.Value()
    for (text, region) in [(metadata.name, 0), (metadata.help, 1), (metadata.unit, 2)] {
      guard let base = text.baseAddress, text.count <= KeyedHash.lengthMax else { continue }
      KeyedHash.process.add(base, count: text.count, region: region, to: &hash)
      hash.high = hash.high &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(text.count)
    }
    hash.high = hash.high &* 31 &+ UInt64(metadata.type.hashValue.magnitude)
    guard told.insert(hash.low ^ hash.high).inserted else { return }
    if told.count > 50_000 { told.removeAll() }
    metadataStore.learn(metadata)
  }
}

extension SeriesRejection {
  /// For the sender.
  fileprivate var words: String {
    switch self {
    case .noLabels: "a series without labels"
    case .noMetricName: "a series without a metric name"
    case .emptyLabelName: "a label without a name"
    case .duplicateLabel: "a label name that comes twice"
    case .invalidMetricName: "an invalid metric name"
    case .invalidLabelName: "an invalid label name"
    case .tooManyLabels: "too many labels"
    case .labelNameTooLong: "a label name that is too long"
    case .labelValueTooLong: "a label value that is too long"
    case .unorderedSamples: "samples that are not in the order of their times"
    case .noSamples: "a series without samples and histograms"
    case .mixedSamples: "samples and histograms in one series"
    case .oddLabelReferences: "a label name without a value"
    case .unknownSymbol: "a reference beyond the table of symbols"
    }
  }
}
