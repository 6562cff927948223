internal import TimeSeries

extension Stripe {
  /// Deletes the samples of a series in [`from`, `through`].
  /// - Returns: how many those were, and whether all of them went: a chunk that cannot be rewritten for want of memory
  ///   stays as it is.
  func delete(_ ref: UInt32, from: Int64, through: Int64) -> (samples: Int, isComplete: Bool) {
    let first = layout.slabNumber(from)
    let last = layout.slabNumber(through)
    var deleted = 0
    var isComplete = true
    for slab in slabs where slab.number >= first && slab.number <= last {
      if let count = delete(ref, in: slab, from, through) { deleted += count } else { isComplete = false }
    }
    return (deleted, isComplete)
  }

  private func delete(_ ref: UInt32, in slab: Slab, _ from: Int64, _ through: Int64) -> Int? {
    let record = records + Int(ref)
    let local = StripeMap.local(ref)
    let isOpen = record.pointee.hasOpenChunk && record.pointee.slab == slab.number
    guard isOpen || slab.hasChunk(local) else { return 0 }
    let start = layout.slabStart(slab.number)
    let isCovered = from <= start && through >= start + layout.slabDuration - 1
    let deleted: Int
    if isCovered {
      deleted = isOpen ? Int(record.pointee.encoder.count) : slab.chunk(local)?.sampleCount ?? 0
    } else {
      deleted = takeApart(ref, slab) { from <= $0 && $0 <= through }
      guard deleted > 0 else { return 0 }
    }
    guard isCovered || timestamps.isEmpty else {
      return (isOpen ? rewriteOpenChunk(ref) : write(to: slab, local)) ? deleted : nil
    }
    if isOpen {
      discardOpenChunk(record)
    } else {
      slab.removeChunk(local)
      slab.compactIfWasteful()
    }
    record.pointee.slabCount &-= 1
    return deleted
  }
}
