internal import TimeSeries

extension Stripe {
  /// Puts late samples into the chunks of their times: `order` are positions in the batch, for which `append` has said
  /// `late`.
  ///
  /// A chunk is taken apart and written anew once for all samples of the batch, not for each: a series that is sent
  /// backwards would cost the square of its samples otherwise, with its partition waiting.
  func insert(
    _ batch: borrowing SampleBatch, _ order: inout [UInt16], _ count: (Verdict, Int) -> Void
  ) {
    func place(_ position: UInt16) -> (ref: UInt32, timestamp: Int64) {
      (batch.tokens[Int(position)].ref, batch.timestamps[Int(position)])
    }
    if order.count > 1 {
      // Of samples with the same time the first to come counts.
      order.sort {
        let (a, b) = (place($0), place($1))
        return a == b ? $0 < $1 : a < b
      }
    }
    var start = 0
    while start < order.count {
      let first = place(order[start])
      let number = layout.slabNumber(first.timestamp)
      var end = start + 1
      while end < order.count {
        let next = place(order[end])
        guard next.ref == first.ref, layout.slabNumber(next.timestamp) == number else { break }
        end += 1
      }
      if end == start + 1 {
        let bits = batch.values[Int(order[start])]
        count(insert(first.ref, slab: number, timestamp: first.timestamp, bits: bits), 1)
      } else {
        insert(batch, order[start..<end], of: first.ref, into: number, count)
      }
      start = end
    }
  }

  /// The same for samples of one series and slab, ordered by time.
  private func insert(
    _ batch: borrowing SampleBatch, _ order: ArraySlice<UInt16>, of ref: UInt32, into number: Int32,
    _ count: (Verdict, Int) -> Void
  ) {
    let record = records + Int(ref)
    let local = StripeMap.local(ref)
    guard let slab = slab(number, create: true) else { return count(.outOfMemory, order.count) }
    let isOpen = record.pointee.hasOpenChunk && record.pointee.slab == number
    let isNew = !isOpen && !slab.hasChunk(local)
    if isNew {
      timestamps.removeAll(keepingCapacity: true)
      values.removeAll(keepingCapacity: true)
    } else {
      takeApart(ref, slab) { _ in false }
    }
    merged.timestamps.removeAll(keepingCapacity: true)
    merged.values.removeAll(keepingCapacity: true)
    var held = 0
    for position in order {
      let timestamp = batch.timestamps[Int(position)]
      while held < timestamps.count, timestamps[held] <= timestamp {
        merged.timestamps.append(timestamps[held])
        merged.values.append(values[held])
        held += 1
      }
      if let last = merged.timestamps.last, last == timestamp {
        count(merged.values[merged.values.count - 1] == batch.values[Int(position)] ? .duplicate : .conflict, 1)
      } else {
        merged.timestamps.append(timestamp)
        merged.values.append(batch.values[Int(position)])
      }
    }
    let added = merged.timestamps.count - held
    guard added > 0 else { return }
    merged.timestamps.append(contentsOf: timestamps[held...])
    merged.values.append(contentsOf: values[held...])
    swap(&timestamps, &merged.timestamps)
    swap(&values, &merged.values)
    guard isOpen ? rewriteOpenChunk(ref) : write(to: slab, local) else { return count(.outOfMemory, added) }
    if isNew { record.pointee.slabCount &+= 1 }
    count(.appendedOutOfOrder, added)
  }
}
