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
  /// Label pairs are ranked once; series are then compared by their pairs' ranks.
  public func sortedByLabels(_ tokens: [SeriesToken]) -> [SeriesToken] {
    let keys: [[UInt32]] = indexLock.read {
      var isUsed = BitSet(count: index.pairs.count)
      var used: [UInt32] = []
      let lists = tokens.map { token -> [UInt32] in
        guard recordsBase[Int(token.ref)].generation == token.generation else { return [] }
        let pairs = Array(index.pairIDs(recordsBase[Int(token.ref)].labels))
        for pair in pairs where !isUsed.contains(Int(pair)) {
          isUsed.insert(Int(pair))
          used.append(pair)
        }
        return pairs
      }
      used.sort { a, b in
        let (x, y) = (index.pairs[Int(a)].name, index.pairs[Int(b)].name)
        return x == y
          ? index.valueBytes(a).lexicographicallyPrecedes(index.valueBytes(b))
          : index.nameBytes(x).lexicographicallyPrecedes(index.nameBytes(y))
      }
      var ranks = [UInt32: UInt32](minimumCapacity: used.count)
      for (rank, pair) in used.enumerated() { ranks[pair] = UInt32(rank) }
      return lists.map { $0.map { ranks[$0] ?? 0 } }
    }
    return tokens.indices.sorted { keys[$0].lexicographicallyPrecedes(keys[$1]) }.map { tokens[$0] }
  }
}
