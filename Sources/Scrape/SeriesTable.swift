internal import TimeSeries
internal import Wire

/// The series of one target: known by their text on its page, and by their labels, which two texts may share.
struct SeriesTable {
  struct Entry {
    let series: ScrapedSeries
    /// The text by which it came last; `nil` for one without an identity, and for the scraper's own.
    var text: SeriesIdentity?
    /// The scrape in which it was found first, and last, and with what time of its own then.
    let born: Int
    var seen: Int
    var timestamp: Int64?
    /// Whether a sample of it has been taken that a stale marker will have to end.
    var isLive = false
    /// `up` and its companions come with every scrape.
    let isOwn: Bool

    @inline(__always)
    mutating func change<R>(_ body: (inout Entry) -> R) -> R { body(&self) }
  }

  private var entries: [Entry?] = []
  private var free: [Int32] = []
  private var texts: [SeriesIdentity: Int32] = [:]
  private var labels: [SeriesIdentity: Int32] = [:]
  /// Of series whose labels are too long for an identity.
  private var longLabels: [LabelSet: Int32] = [:]

  /// Every number in use is of an entry.
  var count: Int { entries.count - free.count }

  subscript(number: Int32) -> Entry {
    @inline(__always) get {
      guard let entry = entries[Int(number)] else { preconditionFailure("series \(number) is gone") }
      return entry
    }
  }

  @inline(__always)
  mutating func update(_ number: Int32, _ body: (inout Entry) -> Void) {
    entries[Int(number)]?.change(body)
  }

  @inline(__always)
  func number(ofText text: SeriesIdentity) -> Int32? { texts[text] }

  /// The number of a series: the one it has, or a new one.
  mutating func number(of series: ScrapedSeries, text: SeriesIdentity?, scrape: Int, isOwn: Bool = false) -> Int32 {
    let known = series.identity.map { labels[$0] } ?? longLabels[series.withLabels { LabelSet(copying: $0) }]
    if let known {
      if let text {
        if let old = self[known].text { texts[old] = nil }
        texts[text] = known
        update(known) { $0.text = text }
      }
      return known
    }
    let entry = Entry(series: series, text: text, born: scrape, seen: -1, timestamp: nil, isOwn: isOwn)
    let number: Int32
    if let last = free.popLast() {
      number = last
      entries[Int(last)] = entry
    } else {
      number = Int32(entries.count)
      entries.append(entry)
    }
    if let text { texts[text] = number }
    if let identity = series.identity {
      labels[identity] = number
    } else {
      longLabels[series.withLabels { LabelSet(copying: $0) }] = number
    }
    return number
  }

  /// Forgets by which texts the series come: their labels may be others from now on.
  mutating func forgetTexts() {
    texts.removeAll()
    for number in entries.indices { entries[number]?.text = nil }
  }

  /// Changes entries, and removes those for which `body` answers false.
  mutating func keep(where body: (Int32, inout Entry) -> Bool) {
    for index in entries.indices {
      if entries[index]?.change({ body(Int32(index), &$0) }) == false { remove(Int32(index)) }
    }
  }

  /// Series that are to be ended when they are gone.
  func liveSeries(where body: (Entry) -> Bool) -> [ScrapedSeries] {
    entries.compactMap { entry in
      if let entry, entry.isLive, body(entry) { entry.series } else { nil }
    }
  }

  private mutating func remove(_ number: Int32) {
    let entry = self[number]
    if let text = entry.text { texts[text] = nil }
    if let identity = entry.series.identity {
      labels[identity] = nil
    } else {
      longLabels[entry.series.withLabels { LabelSet(copying: $0) }] = nil
    }
    entries[Int(number)] = nil
    free.append(number)
  }
}
