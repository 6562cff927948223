internal import Synchronization

/// How far the reading of one partition has come. Lives as long as the pool, so that a partition which comes back goes
/// on where it was.
///
/// Who writes what, all of it read by anyone: the worker that the partition is assigned to writes `position`, the
/// counters and `lastRecordAt`; the control thread writes the rest, and `position` before it hands the partition to a
/// worker. Numbers of one partition are read one after the other and may be a batch apart.
final class Partition: Sendable {
  let source: RecordSource
  let name: TopicPartition

  /// The offset of the next record to apply; −1 before the first start.
  let position = Atomic<Int64>(-1)
  /// Where reading began at the latest (re)start; −1 while that is being looked up.
  let start = Atomic<Int64>(-1)
  /// The high watermark seen at that start: reached, the partition is replayed.
  let target = Atomic<Int64>(-1)
  let low = Atomic<Int64>(-1)
  /// The newest high watermark heard of.
  let high = Atomic<Int64>(-1)
  let records = Atomic<Int>(0)
  let bytes = Atomic<Int>(0)
  /// Wall clock in milliseconds when the latest record was applied; 0 for never.
  let lastRecordAt = Atomic<Int64>(0)
  /// Monotonic clock in nanoseconds when the broker last gave records or said that there are no more.
  let lastHeard = Atomic<Int64>(0)

  init(id: Int, _ name: TopicPartition) {
    source = RecordSource(id: id, name)
    self.name = name
  }

  var isReplayed: Bool {
    let target = target.load(ordering: .acquiring)
    return target >= 0 && position.load(ordering: .acquiring) >= target
  }
}
