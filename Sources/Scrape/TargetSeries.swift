internal import TimeSeries
internal import Wire

/// What comes of a target's pages: attaches labels, ends series that vanish, adds `up` and its companions, as Prometheus
/// does (`prometheus/prometheus: scrape/scrape.go`). Knows nothing of HTTP, clocks or threads.
final class TargetSeries {
  /// What was found on a page.
  struct Tally: Equatable {
    var samples = 0
    var duplicates = 0
    var outOfBounds = 0
    var exemplars = 0
    var added = 0
  }

  /// Samples further in the future than this are left out, as in Prometheus.
  static let futureMax: Int64 = 600_000

  private var target: ScrapeTarget
  private let head: (job: String, instance: String, url: String)
  private var attached: TargetLabels
  private var table = SeriesTable()
  private var parser: ExpositionParser
  /// Counts scrapes, so that series tell in which they were seen.
  private var number = 0
  private var own: [Int32] = []

  // Of the scrape that is being read.
  private var tally = Tally()
  private var time: Int64 = 0
  private var found: [(number: Int32, timestamp: Int64, bits: UInt64)] = []
  private var families: [ScrapedFamily] = []
  private var familyCount = 0
  private var isGood = false

  private static let ownNames: [StaticString] = [
    "up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
  ]

  /// - Parameter labels: of the target, `job` and `instance` among them.
  init(_ target: ScrapeTarget, labels: LabelSet) {
    self.target = target
    head = (target.job, labels["instance"], target.url)
    attached = TargetLabels(labels, honorLabels: target.honorLabels)
    parser = ExpositionParser(labelsMax: target.labelsMax)
    own = TargetSeries.ownNames.map {
      table.number(of: attached.series(named: $0), text: nil, scrape: 0, isOwn: true)
    }
  }

  /// Goes on with other settings, for the same URL and labels.
  func change(to target: ScrapeTarget, labels: LabelSet) {
    self.target = target
    attached = TargetLabels(labels, honorLabels: target.honorLabels)
    parser = ExpositionParser(labelsMax: target.labelsMax)
    table.forgetTexts()
  }

  // MARK: A scrape

  /// What a scrape has come to, for the sink and for the status.
  struct Outcome {
    let scrape: Scrape
    let tally: Tally
    let error: ScrapeError?
  }

  /// Reads a page. `settle` has to be called before the next one.
  /// - Parameters:
  ///   - page: or why there is none.
  ///   - time: when the scrape began, in milliseconds since the epoch.
  ///   - duration: asked when the page has been read: since the scrape began.
  func read(
    _ page: Result<(bytes: UnsafeRawBufferPointer, format: ExpositionFormat), ScrapeError>, at time: Int64,
    duration: () -> Duration
  ) -> Outcome {
    number += 1
    tally = Tally()
    self.time = time
    found.removeAll(keepingCapacity: true)
    familyCount = 0
    var error: ScrapeError?
    do throws(ScrapeError) {
      switch page {
      case .success(let page): try parse(page.bytes, page.format)
      case .failure(let error): throw error
      }
      families.removeSubrange(familyCount...)
    } catch let problem {
      // As if the page had been empty: what it brought does not count, and what was there before has ended.
      error = problem
      found.removeAll(keepingCapacity: true)
    }
    isGood = error == nil
    var columns = ScrapeColumns()
    columns.reserve(found.count + own.count)
    for sample in found { columns.append(table[sample.number].series, sample.timestamp, sample.bits) }
    let current = isGood ? number : -1
    for series in table.liveSeries(where: { $0.seen != current && !$0.isOwn }) {
      columns.append(series, time, StaleMarker.bits)
    }
    let values: [Double] = [
      isGood ? 1 : 0, duration() / .seconds(1), Double(tally.samples), Double(tally.samples), Double(tally.added),
    ]
    for (number, value) in zip(own, values) where !(isGood && table[number].seen == current) {
      columns.append(table[number].series, time, value.bitPattern)
    }
    let scrape = Scrape(head, timestamp: time, isUp: isGood, families: isGood ? families : [], columns)
    return Outcome(scrape: scrape, tally: tally, error: error)
  }

  /// Takes note of what has become of the scrape.
  func settle(isTaken: Bool) {
    let (number, isGood, tracksOwnTimes) = (number, isGood, target.trackTimestampsStaleness)
    table.keep { _, entry in
      if entry.isOwn {
        entry.isLive = entry.isLive || isTaken
        return true
      }
      let isHere = isGood && entry.seen == number
      if isTaken { entry.isLive = isHere && (entry.timestamp == nil || tracksOwnTimes) }
      // A page that could not be read says nothing of what was there before, so that is remembered.
      return isHere || entry.isLive || (!isGood && entry.born != number)
    }
  }

  /// The end of everything, for a target that is not to be read any more.
  func end(at time: Int64) -> Scrape? {
    var columns = ScrapeColumns()
    for series in table.liveSeries(where: { _ in true }) { columns.append(series, time, StaleMarker.bits) }
    guard !columns.series.isEmpty else { return nil }
    return Scrape(head, timestamp: time, isUp: false, families: [], columns)
  }

  private func parse(_ page: UnsafeRawBufferPointer, _ format: ExpositionFormat) throws(ScrapeError) {
    // An empty answer is an empty page in either format.
    guard page.count > 0 else { return }
    do throws(ExpositionError) {
      tally.exemplars = try parser.parse(page, as: format, to: self).exemplars
    } catch {
      throw .page(error)
    }
    guard target.sampleLimit <= 0 || tally.samples <= target.sampleLimit else {
      throw .sampleLimit(target.sampleLimit, found: tally.samples)
    }
  }
}

extension TargetSeries: ExpositionSink {
  func known(_ identity: SeriesIdentity, timestamp: Int64?, bits: UInt64) -> Bool {
    guard let number = table.number(ofText: identity) else { return false }
    append(number, timestamp, bits)
    return true
  }

  func series(_ labels: UnsafeBufferPointer<LabelBytes>, _ identity: SeriesIdentity?, timestamp: Int64?, bits: UInt64) {
    // Beyond the limit samples are counted, so that the status can tell how many there are.
    guard target.sampleLimit <= 0 || tally.samples < target.sampleLimit else {
      tally.samples += 1
      return
    }
    append(table.number(of: attached.series(labels), text: identity, scrape: number), timestamp, bits)
  }

  func metadata(_ metadata: FamilyMetadata) {
    if familyCount < families.count {
      if !families[familyCount].says(metadata) { families[familyCount] = ScrapedFamily(metadata) }
    } else {
      families.append(ScrapedFamily(metadata))
    }
    familyCount += 1
  }

  @inline(__always)
  private func append(_ series: Int32, _ timestamp: Int64?, _ bits: UInt64) {
    tally.samples += 1
    let timestamp = target.honorTimestamps ? timestamp : nil
    if let timestamp, timestamp > time, timestamp - time > TargetSeries.futureMax {
      tally.outOfBounds += 1
      return
    }
    var isRepeated = false
    let (number, isHonored) = (number, timestamp)
    table.update(series) { entry in
      isRepeated = entry.seen == number && (isHonored == nil || isHonored == entry.timestamp)
      if entry.seen != number, entry.born == number { tally.added += 1 }
      entry.seen = number
      entry.timestamp = isHonored
    }
    if isRepeated {
      tally.duplicates += 1
    } else {
      found.append((series, timestamp ?? time, bits))
    }
  }
}
