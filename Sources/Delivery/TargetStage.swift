internal import Configuration
internal import Wire

/// The samples of one request on their way to one target, by partition. Nothing leaves before the request has been read
/// to its end: it may turn out to be malformed.
///
/// One thread's at a time, its context's.
final class TargetStage {
  /// What is touched for each sample, in memory of its own: a property of a class costs a check at each access.
  struct Hot {
    var encoders: UnsafeMutablePointer<DeliveredEncoder>
    /// 0 while it is not known.
    var partitionCount = 0
    /// Of a record.
    var samplesMax = 0
    var bytesMax = 0
  }

  let target: Target
  let hot: UnsafeMutablePointer<Hot>
  private var encoderCount = 0
  /// Partitions whose encoders have samples.
  private var touched: [Int] = []
  private var finished: [FinishedRecord] = []

  init(_ target: Target) {
    self.target = target
    hot = .allocate(capacity: 1)
    hot.initialize(to: Hot(encoders: .allocate(capacity: 0)))
  }

  deinit {
    hot.pointee.encoders.deinitialize(count: encoderCount)
    hot.pointee.encoders.deallocate()
    hot.deallocate()
  }

  /// Takes notice of how records have to be made now.
  func begin() {
    let partitions = target.partitionCount
    hot.pointee.partitionCount = partitions
    hot.pointee.samplesMax = target.batch.samples
    hot.pointee.bytesMax = target.recordBytesMax
    guard encoderCount < partitions else { return }
    let more = UnsafeMutablePointer<DeliveredEncoder>.allocate(capacity: partitions)
    more.moveInitialize(from: hot.pointee.encoders, count: encoderCount)
    for i in encoderCount..<partitions { (more + i).initialize(to: DeliveredEncoder(capacity: 256)) }
    hot.pointee.encoders.deallocate()
    hot.pointee.encoders = more
    encoderCount = partitions
  }

  var hasSamples: Bool { !touched.isEmpty || !finished.isEmpty }

  /// An encoder gets its first sample.
  func touch(_ partition: Int) { touched.append(partition) }

  /// An encoder's samples become a record.
  func finish(_ partition: Int) {
    finished.append(target.finish(&hot.pointee.encoders[partition], partition))
  }

  /// Throws all samples away, and gives back what they have of the budget.
  func discard() {
    for partition in touched {
      target.budget.give(hot.pointee.encoders[partition].textBytes)
      hot.pointee.encoders[partition].removeAll()
    }
    for record in finished { target.budget.give(record.charge) }
    touched.removeAll(keepingCapacity: true)
    finished.removeAll(keepingCapacity: true)
  }

  /// Hands all samples over to the target.
  func commit(_ ticket: WriteTicket?) {
    target.take(finished, rest: touched, of: hot.pointee.encoders, ticket)
    touched.removeAll(keepingCapacity: true)
    finished.removeAll(keepingCapacity: true)
  }
}
