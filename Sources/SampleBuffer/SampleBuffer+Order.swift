public import TimeSeries

/// Series in the orders that pages and answers want.
extension SampleBuffer {
  /// `withLabels` for any number of series, with the lock given up now and then.
  public func withLabelsInSlices(
    of tokens: [SeriesToken], _ body: (Int, UnsafeBufferPointer<LabelBytes>) -> Void
  ) {
    var start = 0
    while start < tokens.count {
      let end = min(start + 1024, tokens.count)
      withLabels(of: tokens[start..<end], body)
      start = end
    }
  }

  /// The positions in `tokens` of the series of each metric name. Series without a name, or gone, are left out.
  public func groupedByMetricName(_ tokens: [SeriesToken]) -> [(name: String, positions: [Int])] {
    indexLock.read {
      guard let name = Array(Label.metricName.utf8).withUnsafeBytes({ index.name($0) }) else { return [] }
      var groupOfPair: [UInt32: Int] = [:]
      var groups: [(name: String, positions: [Int])] = []
      var last: (pair: UInt32, group: Int) = (.max, 0)
      for (i, token) in tokens.enumerated() where recordsBase[Int(token.ref)].generation == token.generation {
        let pairs = index.pairIDs(recordsBase[Int(token.ref)].labels)
        guard let pair = pairs.first(where: { $0 == last.pair || index.pairs[Int($0)].name == name }) else { continue }
        if pair != last.pair {
          if let known = groupOfPair[pair] {
            last = (pair, known)
          } else {
            last = (pair, groups.count)
            groupOfPair[pair] = groups.count
            groups.append((String(decoding: index.valueBytes(pair), as: UTF8.self), []))
          }
        }
        groups[last.group].positions.append(i)
      }
      return groups
    }
  }

  /// The series in the order of their label sets, as Prometheus sorts answers; those that are gone come first.
  ///
  /// Label pairs are ranked once; series are then compared by their pairs' ranks, two at a time.
  public func sortedByLabels(_ tokens: [SeriesToken]) -> [SeriesToken] {
    var starts: [Int32] = [0]
    starts.reserveCapacity(tokens.count + 1)
    let lists: [UInt32] = indexLock.read {
      func pairs(_ token: SeriesToken) -> UnsafeBufferPointer<UInt32> {
        recordsBase[Int(token.ref)].generation == token.generation
          ? index.pairIDs(recordsBase[Int(token.ref)].labels) : UnsafeBufferPointer(start: nil, count: 0)
      }
      for token in tokens { starts.append(starts[starts.count - 1] + Int32(pairs(token).count)) }
      var used: [UInt32] = []
      var isUsed = BitSet(count: index.pairs.count)
      var before = UnsafeBufferPointer<UInt32>(start: nil, count: 0)
      for token in tokens {
        let list = pairs(token)
        // Neighbours share most of their pairs, at the same places.
        for k in list.indices where k >= before.count || before[k] != list[k] {
          if isUsed.insert(Int(list[k])) { used.append(list[k]) }
        }
        before = list
      }
      let ranks = ranks(of: used)
      // Without room such an array is the one empty array of the process, and its count is written all the same: a race.
      guard !used.isEmpty else { return [] }
      return [UInt32](unsafeUninitializedCapacity: Int(starts[tokens.count])) { lists, count in
        for token in tokens {
          for pair in pairs(token) {
            lists.initializeElement(at: count, to: ranks[Int(pair)])
            count += 1
          }
        }
      }
    }
    let order = lists.withUnsafeBufferPointer { ranks in
      starts.withUnsafeBufferPointer { starts in
        WordSort.order(count: tokens.count) { series, depth in
          let first = Int(starts[series]) + depth * 2
          let end = Int(starts[series + 1])
          if first >= end { return nil }
          return UInt64(ranks[first]) << 32 | (first + 1 < end ? UInt64(ranks[first + 1]) : 0)
        }
      }
    }
    return order.map { tokens[Int($0)] }
  }

  /// For each pair its place among `used`, from 1 on, by the pair's number: in the order of names, then values. Called
  /// with the index lock held.
  private func ranks(of used: [UInt32]) -> [UInt32] {
    let names = index.namesInUse.sorted { index.nameBytes($0).lexicographicallyPrecedes(index.nameBytes($1)) }
    var rankOfName = [UInt64](repeating: 0, count: index.nameCount)
    for (rank, name) in names.enumerated() { rankOfName[Int(name)] = UInt64(rank) }
    let words = TextWords(skipped: 0)
    let order = WordSort.order(count: used.count) { i, depth in
      depth == 0
        ? rankOfName[Int(index.pairs[Int(used[i])].name)] : words.word(index.valueBytes(used[i]), depth - 1)
    }
    var ranks = [UInt32](repeating: 0, count: index.pairs.count)
    for (place, i) in order.enumerated() { ranks[Int(used[Int(i)])] = UInt32(place + 1) }
    return ranks
  }
}
