internal import Synchronization
public import TimeSeries

/// Deleting, which the window otherwise leaves to time.
extension SampleBuffer {
  /// What a deletion has taken.
  public struct Deleted: Sendable, Equatable {
    public var samples = 0
    /// Series that had no sample left and are gone.
    public var series = 0
  }

  /// There was no memory to write down what remains of a chunk. Chunks written before are free of the deleted samples,
  /// the others are whole, so deleting again goes on where this ended.
  public struct NoRoomToRewrite: Error, CustomStringConvertible {
    public var description: String {
      "no memory to rewrite a chunk without the samples to delete; nothing else is lost"
    }
  }

  /// Series whose chunks are rewritten in one go, while their stripe takes no samples.
  private static let sliceSize = 64

  /// Deletes the samples in [`from`, `through`] (milliseconds) of every series that passes all matchers of any of the
  /// selectors. When this returns nobody reads them any more, and series without samples have left the index.
  ///
  /// The chunks of each series are written anew without the samples, under its stripe's lock; readers and writers go on
  /// in between. What is appended meanwhile may stay, and what is appended later stays: the buffer does not remember
  /// what was deleted.
  /// - Complexity: the samples in the slabs that the range touches are decoded, except where it covers a slab wholly.
  @discardableResult
  public func delete(anyOf selectors: [[Matcher]], from: Int64, through: Int64) throws(NoRoomToRewrite) -> Deleted {
    var deleted = Deleted()
    guard from <= through, !selectors.isEmpty else { return deleted }
    var byStripe = [[SeriesToken]](repeating: [], count: StripeMap.count)
    for token in select(anyOf: selectors) { byStripe[StripeMap.stripe(token.ref)].append(token) }
    var isComplete = true
    for (stripe, tokens) in zip(stripes, byStripe) {
      for start in stride(from: 0, to: tokens.count, by: Self.sliceSize) {
        stripe.lock.withLock {
          for token in tokens[start..<min(start + Self.sliceSize, tokens.count)]
          where recordsBase[Int(token.ref)].generation == token.generation {
            let (samples, isWhole) = stripe.delete(token.ref, from: from, through: through)
            deleted.samples += samples
            isComplete = isComplete && isWhole
          }
        }
      }
    }
    counts.deleted.add(deleted.samples, ordering: .relaxed)
    if deleted.samples > 0 { deleted.series = removeSilentSeries() }
    guard isComplete else { throw NoRoomToRewrite() }
    return deleted
  }
}
