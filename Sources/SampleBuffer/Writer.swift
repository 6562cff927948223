internal import Synchronization
public import TimeSeries

extension SampleBuffer {
  /// One thread's way to append: it owns the room in which a batch is sorted by stripe. Make one per thread.
  public final class Writer {
    private let buffer: SampleBuffer
    /// Positions in the batch, stripe by stripe.
    private let order = UnsafeMutablePointer<UInt16>.allocate(capacity: SampleBatch.capacity)
    /// Positions of samples that belong into the middle of a chunk.
    private var late: [UInt16] = []
    /// The stripe to begin with, another one each time, so that threads do not queue up behind each other.
    private var firstStripe = Int.random(in: 0..<StripeMap.count)
    /// Positions in the last batch whose tokens were out of date: the series has left the buffer since the token was
    /// given. The samples were not appended; ask for new tokens and try again.
    public private(set) var stale: [Int] = []

    /// Whether `taken` is wanted.
    public var notesTaken = false
    /// Positions in the last batch whose samples were new to the buffer and are in it now, in no order; none unless
    /// `notesTaken`.
    public private(set) var taken: [UInt16] = []

    public init(_ buffer: SampleBuffer) { self.buffer = buffer }

    deinit { order.deallocate() }

    /// Appends a batch. What becomes of each sample is counted; see `stale`.
    /// - Returns: the newest timestamp appended, or `nil`.
    @discardableResult
    public func append(_ batch: borrowing SampleBatch) -> Int64? {
      stale.removeAll(keepingCapacity: true)
      taken.removeAll(keepingCapacity: true)
      guard batch.count > 0 else { return nil }
      // Before, too: others may have taken memory since the last batch, and the oldest slab goes before a sample does.
      buffer.maintain()
      var counts = BufferCounts()
      let newest = append(batch, &counts)
      buffer.counts.add(counts)
      if buffer.isOverBudget { buffer.shrinkToBudget() }
      return newest
    }

    private func append(_ batch: borrowing SampleBatch, _ counts: inout BufferCounts) -> Int64? {
      let now = buffer.clock()
      let oldest = buffer.settings.retention == 0 ? buffer.layout.oldestTimestamp : now - buffer.settings.retention
      let budgetSlab = buffer.oldestSlabByBudget.load(ordering: .relaxed)
      let oldestInBudget = budgetSlab == Int.min ? Int64.min / 4 : buffer.layout.slabStart(Int32(clamping: budgetSlab))
      let latest = now + buffer.settings.futureSkew
      // A single slab beyond the budget cannot be dropped: nothing more fits until samples open the next one.
      let lastFull = buffer.lastFullSlab
      let notesTaken = notesTaken
      var newest = Int64.min

      withUnsafeTemporaryAllocation(of: Int.self, capacity: StripeMap.count + 1) { ends in
        sortByStripe(batch, ends)
        firstStripe = (firstStripe &+ 5) & (StripeMap.count - 1)
        for i in 0..<StripeMap.count {
          let number = (firstStripe &+ i) & (StripeMap.count - 1)
          let range = ends[number]..<ends[number + 1]
          guard !range.isEmpty else { continue }
          let stripe = buffer.stripes[number]
          stripe.lock.lock()
          for k in range {
            let position = Int(order[k])
            let timestamp = batch.timestamps[position]
            let token = batch.tokens[position]
            if buffer.recordsBase[Int(token.ref)].generation != token.generation {
              stale.append(position)
              continue
            }
            if timestamp < oldest || timestamp > latest || timestamp < oldestInBudget {
              count(&counts, tooNew: timestamp > latest, tooOld: timestamp < oldest)
              continue
            }
            if let lastFull, buffer.layout.slabNumber(timestamp) <= lastFull {
              counts.outOfMemory &+= 1
              continue
            }
            switch stripe.append(token.ref, timestamp: timestamp, bits: batch.values[position]) {
            case .late: late.append(order[k])
            case let verdict:
              counts.add(verdict, 1)
              if notesTaken, verdict == .appended || verdict == .appendedOutOfOrder { taken.append(order[k]) }
            }
            if timestamp > newest { newest = timestamp }
          }
          if !late.isEmpty {
            stripe.insert(batch, &late) { verdict, positions in
              counts.add(verdict, positions.count)
              if notesTaken, verdict == .appendedOutOfOrder { taken.append(contentsOf: positions) }
            }
            late.removeAll(keepingCapacity: true)
          }
          stripe.lock.unlock()
        }
      }
      return newest == Int64.min ? nil : newest
    }

    private func count(_ counts: inout BufferCounts, tooNew: Bool, tooOld: Bool) {
      if tooNew {
        counts.tooNew += 1
      } else if tooOld {
        counts.tooOld += 1
      } else {
        counts.beyondBudget += 1
      }
    }

    /// A counting sort of the batch's positions by stripe into `order`; stripe s has `ends[s]..<ends[s + 1]`.
    private func sortByStripe(_ batch: borrowing SampleBatch, _ ends: UnsafeMutableBufferPointer<Int>) {
      ends.update(repeating: 0)
      for i in 0..<batch.count { ends[StripeMap.stripe(batch.tokens[i].ref) + 1] &+= 1 }
      for s in 0..<StripeMap.count { ends[s + 1] &+= ends[s] }
      withUnsafeTemporaryAllocation(of: Int.self, capacity: StripeMap.count) { next in
        for s in 0..<StripeMap.count { next[s] = ends[s] }
        for i in 0..<batch.count {
          let stripe = StripeMap.stripe(batch.tokens[i].ref)
          order[next[stripe]] = UInt16(truncatingIfNeeded: i)
          next[stripe] &+= 1
        }
      }
    }
  }
}

extension BufferCounts {
  fileprivate mutating func add(_ verdict: Stripe.Verdict, _ samples: Int) {
    switch verdict {
    case .appended: appended &+= samples
    case .appendedOutOfOrder:
      appended &+= samples
      outOfOrder &+= samples
    case .duplicate: duplicates &+= samples
    case .conflict: conflicts &+= samples
    case .outOfMemory: outOfMemory &+= samples
    case .late: break  // becomes one of the others
    }
  }
}
