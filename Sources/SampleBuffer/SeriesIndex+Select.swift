internal import TimeSeries

extension SeriesIndex {
  /// A matcher resolved against the pairs there are: a series passes when it carries a pair of the set, or none.
  private enum Resolved {
    case carries(PairID)
    case carriesNot(PairID)
    case carriesAnyOf(BitSet)
    case carriesNoneOf(BitSet)
    case nothing
    case everything
  }

  /// Calls `body` with the pairs' numbers of every series that passes all matchers, in no order.
  func select(
    _ matchers: [Matcher], records: UnsafePointer<SeriesRecord>, recordCount: Int, _ body: (UInt32) -> Void
  ) {
    // Pairs that have to be there are looked for first, those that few series carry before others.
    var required: [PairID] = []
    var others: [Resolved] = []
    var candidates: [PairID]?
    var fewest = Int.max
    /// Keeps the shortest way to all series that can pass.
    func offer(_ pairs: [PairID]) {
      let total = pairs.reduce(0) { $0 + postings($1).count }
      if total < fewest {
        fewest = total
        candidates = pairs
      }
    }
    for matcher in matchers {
      let (condition, pairs) = resolve(matcher)
      switch condition {
      case .nothing: return
      case .everything: continue
      case .carries(let pair): required.append(pair)
      default: others.append(condition)
      }
      if let pairs { offer(pairs) }
    }
    if let candidates {
      if candidates.count == 1 { required.removeAll { $0 == candidates[0] } }
      required.sort { postings($0).count < postings($1).count }
      required.withUnsafeBufferPointer { required in
        // A series carries one pair of a name, so the lists of one matcher do not overlap.
        for pair in candidates {
          for ref in postings(pair) {
            let carried = pairIDs(records[Int(ref)].labels)
            if carries(carried, required), others.isEmpty || passes(carried, others) { body(ref) }
          }
        }
      }
    } else {
      for ref in 0..<recordCount where records[ref].isLive && passes(pairIDs(records[ref].labels), others) {
        body(UInt32(ref))
      }
    }
  }

  /// See `SampleBuffer.selectionCost`.
  func selectionCost(_ matchers: [Matcher]) -> Int {
    var fewest = Int(Int32.max)
    for matcher in matchers {
      guard !matcher.value.isEmpty, matcher.operation == .equal || matcher.operation == .notEqual else {
        return Int(Int32.max)
      }
      guard matcher.operation == .equal else { continue }
      guard case (.carries(let pair), _) = resolve(matcher) else { return 0 }
      fewest = min(fewest, postings(pair).count)
    }
    return fewest
  }

  /// The condition, and for those that need a pair to be there, which ones: the way to the series that pass.
  private func resolve(_ matcher: Matcher) -> (Resolved, [PairID]?) {
    var name = matcher.name
    guard let id = name.withUTF8({ self.name(UnsafeRawBufferPointer($0)) }) else {
      return (matcher.matchesEmpty ? .everything : .nothing, nil)
    }
    switch matcher.operation {
    case .equal where !matcher.value.isEmpty:
      var value = matcher.value
      guard let pair = value.withUTF8({ pair(id, UnsafeRawBufferPointer($0)) }) else { return (.nothing, nil) }
      return (.carries(pair), [pair])
    case .notEqual where !matcher.value.isEmpty:
      var value = matcher.value
      guard let pair = value.withUTF8({ pair(id, UnsafeRawBufferPointer($0)) }) else { return (.everything, nil) }
      return (.carriesNot(pair), nil)
    default: break
    }
    let all = pairs(of: id)
    let matchesEmpty = matcher.matchesEmpty
    // What is wanted is a pair that passes; where absence passes too, it is no pair that fails.
    var set = BitSet(count: pairs.count)
    var passing: [PairID] = []
    for pair in all where matches(matcher, pair) != matchesEmpty {
      set.insert(Int(pair))
      if !matchesEmpty { passing.append(pair) }
    }
    if matchesEmpty { return (.carriesNoneOf(set), nil) }
    return passing.isEmpty ? (.nothing, nil) : (.carriesAnyOf(set), passing)
  }

  private func matches(_ matcher: Matcher, _ pair: PairID) -> Bool {
    let value = valueBytes(pair).assumingMemoryBound(to: UInt8.self)
    switch matcher.operation {
    case .equal: return matcher.value.utf8.elementsEqual(value)
    case .notEqual: return !matcher.value.utf8.elementsEqual(value)
    case .regexMatch: return matcher.regex?.matches(value) ?? false
    case .regexNoMatch: return !(matcher.regex?.matches(value) ?? true)
    }
  }

  @inline(__always)
  private func carries(_ carried: UnsafeBufferPointer<PairID>, _ required: UnsafeBufferPointer<PairID>) -> Bool {
    for pair in required {
      var i = 0
      while i < carried.count, carried[i] != pair { i &+= 1 }
      if i == carried.count { return false }
    }
    return true
  }

  private func passes(_ carried: UnsafeBufferPointer<PairID>, _ conditions: [Resolved]) -> Bool {
    for condition in conditions {
      switch condition {
      case .carries(let pair): if !carried.contains(pair) { return false }
      case .carriesNot(let pair): if carried.contains(pair) { return false }
      case .carriesAnyOf(let set): if !carried.contains(where: { set.contains(Int($0)) }) { return false }
      case .carriesNoneOf(let set): if carried.contains(where: { set.contains(Int($0)) }) { return false }
      case .nothing: return false
      case .everything: break
      }
    }
    return true
  }
}
