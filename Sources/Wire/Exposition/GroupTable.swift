/// Numbers the groups of a family by the labels that their lines have in common.
struct GroupTable {
  private struct Group {
    /// Where those labels first stood.
    let labels: Range<Int>
    /// The next group whose labels have the same hash.
    let next: Int
  }

  private var groups: [Group] = []
  private var newest: [UInt64: Int] = [:]
  private var last = -1

  var count: Int { groups.count }

  /// Where the labels of a group stand.
  func labels(of group: Int) -> Range<Int> { groups[group].labels }

  mutating func removeAll() {
    groups.removeAll(keepingCapacity: true)
    newest.removeAll(keepingCapacity: true)
    last = -1
  }

  /// The number of the group with these labels. Lines of one group mostly come one after the other, so the last one is
  /// tried first.
  mutating func group(of labels: Range<Int>, in text: UnsafeRawBufferPointer) -> Int {
    let bytes = UnsafeRawBufferPointer(rebasing: text[labels])
    func matches(_ group: Int) -> Bool {
      LabelText.equal(bytes, UnsafeRawBufferPointer(rebasing: text[groups[group].labels]))
    }
    if last >= 0, matches(last) { return last }
    let hash = Self.hash(bytes)
    var candidate = newest[hash] ?? -1
    while candidate >= 0, !matches(candidate) { candidate = groups[candidate].next }
    if candidate < 0 {
      candidate = groups.count
      groups.append(Group(labels: labels, next: newest[hash] ?? -1))
      newest[hash] = candidate
    }
    last = candidate
    return candidate
  }

  /// The lines group by group, within a group by part and bound; otherwise as they came.
  func order(of lines: [HeldFamily.Line], bound: (Int) -> Double) -> [Int] {
    var ends = [Int](repeating: 0, count: groups.count + 1)
    for line in lines { ends[Int(line.group) + 1] += 1 }
    for i in ends.indices.dropFirst() { ends[i] += ends[i - 1] }
    var order = [Int](repeating: 0, count: lines.count)
    var places = ends
    for (i, line) in lines.enumerated() {
      order[places[Int(line.group)]] = i
      places[Int(line.group)] += 1
    }
    for group in groups.indices {
      let members = ends[group]..<ends[group + 1]
      let isOrdered = zip(members, members.dropFirst()).allSatisfy {
        !Self.precedes(lines[order[$1]], lines[order[$0]], bound)
      }
      if !isOrdered { order[members].sort { Self.precedes(lines[$0], lines[$1], bound) } }
    }
    return order
  }

  private static func precedes(_ a: HeldFamily.Line, _ b: HeldFamily.Line, _ bound: (Int) -> Double) -> Bool {
    if a.part != b.part { return a.part < b.part }
    return a.bound >= 0 && b.bound >= 0 && bound(Int(a.bound)) < bound(Int(b.bound))
  }

  /// Sixteen bytes a step, in two lanes that do not wait for each other. Only within a page: no defence against chosen
  /// labels is needed beyond the comparison that follows.
  private static func hash(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let prime: UInt64 = 0x9e37_79b9_7f4a_7c15
    var a = UInt64(bytes.count) &* prime
    var b = ~a
    var i = 0
    while i &+ 16 <= bytes.count {
      a = (a ^ bytes.loadUnaligned(fromByteOffset: i, as: UInt64.self)) &* prime
      b = (b ^ bytes.loadUnaligned(fromByteOffset: i &+ 8, as: UInt64.self)) &* prime
      a ^= a >> 29
      b ^= b >> 31
      i &+= 16
    }
    while i < bytes.count {
      a = (a ^ UInt64(bytes[i])) &* prime
      i &+= 1
    }
    return a ^ (b << 32 | b >> 32)
  }
}
