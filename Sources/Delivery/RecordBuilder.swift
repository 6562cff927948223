internal import Wire

/// A batch that is open for more samples, and who waits for those it has.
///
/// `@unchecked Sendable`: one owner at a time, the open batches under their lock, or whoever has taken it from there.
final class RecordBuilder: @unchecked Sendable {
  var encoder = DeliveredEncoder(capacity: 4 << 10)
  /// Each is held.
  var tickets: [WriteTicket] = []
}

/// A record as it is produced.
struct FinishedRecord: Sendable {
  let partition: Int
  let bytes: [UInt8]
  let samples: Int
  /// Of the newest sample, in milliseconds.
  let timestamp: Int64
  /// What it has of the budget.
  let charge: Int
}
