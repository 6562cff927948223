internal import TimeSeries

extension Stripe {
  /// Puts late samples into the chunks of their times: `order` are positions in the batch, for which `append` has said
  /// `late`.
  ///
  /// A chunk is taken apart and written anew once for all samples of the batch, not for each: a series that is sent
  /// backwards would cost the square of its samples otherwise, with its partition waiting.
  func insert(
    _ batch: borrowing SampleBatch, _ order: inout [UInt16], _ report: (Verdict, ArraySlice<UInt16>) -> Void
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
        report(insert(first.ref, slab: number, timestamp: first.timestamp, bits: bits), order[start..<end])
      } else {
        insert(batch, order[start..<end], of: first.ref, into: number, report)
      }
      start = end
    }
  }

  /// The same for samples of one series and slab, ordered by time.
  private func insert(
    _ batch: borrowing SampleBatch, _ order: ArraySlice<UInt16>, of ref: UInt32, into number: Int32,
    _ report: (Verdict, ArraySlice<UInt16>) -> Void
  ) {
    let record = records + Int(ref)
    let local = StripeMap.local(ref)
    guard let slab = slab(number, create: true) else { return report(.outOfMemory, order) }
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
    merged.positions.removeAll(keepingCapacity: true)
    var held = 0
    for (i, position) in zip(order.indices, order) {
      let timestamp = batch.timestamps[Int(position)]
      while held < timestamps.count, timestamps[held] <= timestamp {
        merged.timestamps.append(timestamps[held])
        merged.values.append(values[held])
        held += 1
      }
      if let last = merged.timestamps.last, last == timestamp {
        let isSame = merged.values[merged.values.count - 1] == batch.values[Int(position)]
        report(isSame ? .duplicate : .conflict, order[i...i])
      } else {
        merged.timestamps.append(timestamp)
        merged.values.append(batch.values[Int(position)])
        merged.positions.append(position)
      }
    }
    guard !merged.positions.isEmpty else { return }
    merged.timestamps.append(contentsOf: timestamps[held...])
    merged.values.append(contentsOf: values[held...])
    swap(&timestamps, &merged.timestamps)
    swap(&values, &merged.values)
    guard isOpen ? rewriteOpenChunk(ref) : write(to: slab, local) else {
      return report(.outOfMemory, merged.positions[...])
    }
    if isNew { record.pointee.slabCount &+= 1 }
    report(.appendedOutOfOrder, merged.positions[...])
  }
}
