internal import Configuration
internal import TimeSeries
internal import Wire

/// What one thread needs to read a request and to sort its samples by lanes and partitions; used request after request.
///
/// `@unchecked Sendable`: one owner at a time, the thread that has taken it out of its route.
final class WriteContext: RemoteWriteSink, @unchecked Sendable {
  var unpacked = ByteWriter(capacity: 64 << 10)
  /// What was refused for good, by reason, and the first of it in words.
  private(set) var rejected: [String: Int] = [:]
  private(set) var firstRejection: String?
  /// Samples that are too far in the future, or too large for any record; of those that the decoder has let through.
  private(set) var refusedLater = 0

  private var decoder: RemoteWriteDecoder
  private let stages: [TargetStage]
  private let lanes: [LaneStage]
  private let hot: UnsafeMutablePointer<Hot>
  private let budget: ByteBudget
  private let metadataStore: MetadataStore
  private static let allowanceBytes = 256 << 10
  private var head = ByteWriter(capacity: 1024)
  private var kept = SampleColumns()
  /// Metadata that was told already, by its hash: senders of version 2 repeat it with every series.
  private var told: Set<UInt64> = []

  /// What is touched for each sample, in memory of its own: a property of a class costs a check at each access.
  private struct Hot {
    /// What has been taken from the budget and is not used yet.
    var allowance = 0
    /// Later samples are refused.
    var timestampMax = Int64.max
    /// Whether there was no memory for all samples.
    var isOverBudget = false
  }

  /// A lane's part of a request.
  private final class LaneStage {
    struct Hot {
      var view: SeriesView?
      var stage: UnsafeMutablePointer<TargetStage.Hot>
      var staleMarkers: DeliveryTask.StaleMarkers
      /// By filter line.
      var rejected: UnsafeMutablePointer<Int>
      var received = 0
      var passed = 0
      var staleMarkersDropped = 0
      var movedLabels = 0
      var tooLarge = 0
    }

    let lane: Lane
    let stage: TargetStage
    let hot: UnsafeMutablePointer<Hot>
    var learned = LearnedSeries()

    init(_ lane: Lane, _ stage: TargetStage) {
      self.lane = lane
      self.stage = stage
      let rejected = UnsafeMutablePointer<Int>.allocate(capacity: max(lane.source.filter.count, 1))
      rejected.initialize(repeating: 0, count: max(lane.source.filter.count, 1))
      hot = .allocate(capacity: 1)
      hot.initialize(to: Hot(view: nil, stage: stage.hot, staleMarkers: lane.staleMarkers, rejected: rejected))
    }

    deinit {
      hot.pointee.rejected.deallocate()
      hot.deallocate()
    }

    /// What was counted since this was asked last.
    func takeCounts() -> LaneCounts {
      var counts = LaneCounts(lines: lane.source.filter.count)
      counts.received = hot.pointee.received
      counts.passed = hot.pointee.passed
      counts.staleMarkersDropped = hot.pointee.staleMarkersDropped
      counts.movedLabels = hot.pointee.movedLabels
      counts.tooLarge = hot.pointee.tooLarge
      for i in counts.rejected.indices {
        counts.rejected[i] = hot.pointee.rejected[i]
        hot.pointee.rejected[i] = 0
      }
      hot.pointee = Hot(
        view: hot.pointee.view, stage: stage.hot, staleMarkers: lane.staleMarkers, rejected: hot.pointee.rejected)
      return counts
    }
  }

  init(_ route: Route) {
    decoder = RemoteWriteDecoder(limits: route.limits)
    budget = route.budget
    metadataStore = route.metadata
    var stages: [TargetStage] = []
    var lanes: [LaneStage] = []
    for (lane, target) in route.lanes {
      let stage = stages.first { $0.target === target } ?? TargetStage(target)
      if !stages.contains(where: { $0 === stage }) { stages.append(stage) }
      lanes.append(LaneStage(lane, stage))
    }
    self.lanes = lanes
    self.stages = stages
    hot = .allocate(capacity: 1)
    hot.initialize(to: Hot())
  }

  deinit { hot.deallocate() }

  // MARK: A request

  /// Begins a request; `commit` or `discard` ends it.
  /// - Parameter timestampMax: samples later than this are refused.
  /// - Returns: the target that cannot take anything yet, if there is one.
  func begin(timestampMax: Int64) -> Target? {
    hot.pointee.timestampMax = timestampMax
    for stage in stages { stage.begin() }
    for lane in lanes {
      lane.hot.pointee.view = lane.lane.cache.beginReading().standing(at: lane.hot.pointee.view)
    }
    return stages.first { $0.hot.pointee.partitionCount == 0 }?.target
  }

  /// Reads what has been unpacked.
  func decode(as version: RemoteWriteVersion) throws -> RemoteWriteTally {
    try unpacked.withBytes { try decoder.decode($0, as: version, to: self) }
  }

  var hasSamples: Bool { stages.contains { $0.hasSamples } }
  var isOverBudget: Bool { hot.pointee.isOverBudget }

  /// Hands everything over to the targets, counts it, and remembers the series that were new.
  func commit(_ ticket: WriteTicket?) {
    for lane in lanes {
      lane.lane.cache.endReading()
      lane.lane.add(lane.takeCounts())
    }
    for stage in stages where stage.hasSamples { stage.commit(ticket) }
    for lane in lanes { lane.lane.cache.insert(lane.learned) }
    reset()
  }

  /// Forgets the request.
  func discard() {
    for lane in lanes {
      lane.lane.cache.endReading()
      _ = lane.takeCounts()
    }
    for stage in stages { stage.discard() }
    reset()
  }

  private func reset() {
    for lane in lanes { lane.learned.removeAll() }
    rejected.removeAll(keepingCapacity: true)
    firstRejection = nil
    refusedLater = 0
    budget.give(hot.pointee.allowance)
    hot.pointee = Hot()
    // One very large request shall not keep its memory for ever.
    if unpacked.count > 4 << 20 { unpacked = ByteWriter(capacity: 64 << 10) }
  }

  // MARK: Series

  func known(_ identity: SeriesIdentity, _ samples: borrowing SampleColumns) -> Bool {
    if hot.pointee.isOverBudget { return true }
    if isTooNew(samples) { return false }  // the long way, which knows what to do
    // A series counts as known when all lanes know it; the young generation does not change meanwhile.
    for lane in lanes where lane.hot.pointee.view?.find(identity) == nil { return false }
    for lane in lanes {
      guard let series = lane.hot.pointee.view?.current else { return false }
      append(series, lane, samples)
    }
    return true
  }

  func series(
    _ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, _ samples: borrowing SampleColumns
  ) {
    if hot.pointee.isOverBudget { return }
    guard isTooNew(samples) else { return meet(labels, identity, samples) }
    kept.removeAll()
    for i in 0..<samples.count where samples.timestamps[i] <= hot.pointee.timestampMax {
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
    for lane in lanes {
      var series = identity.flatMap { lane.hot.pointee.view?.find($0) }
      if series == nil {
        let met = identity.flatMap { lane.hot.pointee.view?.findOld($0) } ?? lane.lane.meet(labels, head: &head)
        if let identity { lane.learned.append(identity, met) }
        series = met
      }
      if let series { append(series, lane, samples) }
    }
  }

  @inline(__always)
  private func isTooNew(_ samples: borrowing SampleColumns) -> Bool {
    let latest = hot.pointee.timestampMax
    for i in 0..<samples.count where samples.timestamps[i] > latest { return true }
    return false
  }

  /// Takes samples of a series that a lane has looked at.
  @inline(__always)
  private func append(_ series: KnownSeries, _ lane: LaneStage, _ samples: borrowing SampleColumns) {
    let hot = lane.hot
    hot.pointee.received &+= samples.count
    guard series.rejectingLine < 0 else {
      hot.pointee.rejected[Int(series.rejectingLine)] &+= samples.count
      return
    }
    let stage = hot.pointee.stage
    let most = series.head.count &+ DeliveredEncoder.tailBytesMax
    guard most <= stage.pointee.bytesMax else {
      hot.pointee.tooLarge += samples.count
      return refuse("too_large", samples.count) { "a series' labels alone fill a record" }
    }
    let partition = Int(series.hash % UInt64(stage.pointee.partitionCount))
    let encoder = stage.pointee.encoders + partition
    for i in 0..<samples.count {
      var bits = samples.values[i].bitPattern
      if bits == StaleMarker.bits {
        switch hot.pointee.staleMarkers {
        case .drop:
          hot.pointee.staleMarkersDropped += 1
          continue
        case .nan: bits = StaleMarker.normalNaNBits
        case .staleNaN: break
        }
      }
      if self.hot.pointee.allowance < most, !refillAllowance(most) { return }
      var before = encoder.pointee.textBytes
      if before == 0 {
        lane.stage.touch(partition)
      } else if encoder.pointee.samples >= stage.pointee.samplesMax || before &+ most > stage.pointee.bytesMax {
        lane.stage.finish(partition)
        before = 0
      }
      encoder.pointee.append(head: series.head, bits: bits, timestamp: samples.timestamps[i])
      self.hot.pointee.allowance &-= encoder.pointee.textBytes &- before
      hot.pointee.passed &+= 1
      if series.movedLabels > 0 { hot.pointee.movedLabels += 1 }
    }
  }

  private func refillAllowance(_ bytes: Int) -> Bool {
    let wanted = max(Self.allowanceBytes, bytes)
    guard budget.take(wanted) else {
      hot.pointee.isOverBudget = true
      return false
    }
    hot.pointee.allowance += wanted
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
