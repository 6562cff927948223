import Testing
import TimeSeries
import Wire

@testable import Delivery

/// Series that are known again, against a dictionary.
@Suite struct SeriesCacheTests {
  private static func identity(_ number: Int) throws -> SeriesIdentity {
    try #require(
      LabelSet([Label("__name__", "m"), Label("i", "\(number)")]).withLabelBytes { SeriesIdentity($0) })
  }

  private static func insert(_ numbers: [Int], into cache: SeriesCache) throws {
    var learned = LearnedSeries()
    for number in numbers {
      let identity = try identity(number)
      let head = Array("head of \(number)".utf8)
      head.withUnsafeBytes { bytes in
        var series = KnownSeries()
        series.head = bytes
        series.hash = UInt64(number)
        learned.append(identity, series)
      }
    }
    cache.insert(learned)
  }

  /// Looks a series up in both generations.
  private static func find(_ number: Int, _ view: inout SeriesView) throws -> KnownSeries? {
    let identity = try identity(number)
    return view.find(identity) ?? view.findOld(identity)
  }

  @Test(arguments: 0..<20 as Range<UInt64>)
  func `what was put in is found, in any order, and nothing else`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    let cache = SeriesCache(bytesMax: 64 << 20)
    var known: Set<Int> = []
    for _ in 0..<10 {
      let numbers = (0..<Int.random(in: 0...100, using: &rng)).map { _ in Int.random(in: 0..<400, using: &rng) }
      try Self.insert(numbers, into: cache)
      known.formUnion(numbers)
      var view = cache.beginReading()
      defer { cache.endReading() }
      for number in (0..<400).shuffled(using: &rng) {
        let series = try Self.find(number, &view)
        #expect((series != nil) == known.contains(number), "seed \(seed), \(number)")
        guard let series else { continue }
        #expect(series.hash == UInt64(number) && series.head.elementsEqual("head of \(number)".utf8), "seed \(seed)")
        #expect(view.current?.hash == UInt64(number))
      }
    }
    #expect(cache.statistics.series == known.count)
  }

  @Test func `it keeps within its memory, and what is asked for stays`() throws {
    let limit = 256 << 10
    let cache = SeriesCache(bytesMax: limit)
    var most = 0
    for round in 0..<200 {
      try Self.insert((0..<100).map { 1000 + round * 100 + $0 }, into: cache)
      var view = cache.beginReading()
      let (isYoung, isOld) = (view.find(try Self.identity(7)) != nil, view.findOld(try Self.identity(7)) != nil)
      cache.endReading()
      if round > 0 { #expect(isYoung || isOld, "round \(round)") }
      if !isYoung { try Self.insert([7], into: cache) }
      most = max(most, cache.statistics.bytes)
    }
    // A generation may overshoot by what it grows by at once.
    #expect(most <= limit * 2, "\(most)")
    var view = cache.beginReading()
    defer { cache.endReading() }
    #expect(try Self.find(1000, &view) == nil)
  }

  @Test func `what has ended is forgotten in time`() throws {
    let cache = SeriesCache(bytesMax: 64 << 20, generationLasts: .zero)
    try Self.insert([1, 2], into: cache)
    try Self.insert([2, 3], into: cache)  // whoever finds a series in the old generation puts it in again
    try Self.insert([4], into: cache)
    var view = cache.beginReading()
    defer { cache.endReading() }
    let known = try (1...4).map { try Self.find($0, &view) != nil }
    #expect(known == [false, true, true, true])
    #expect(cache.statistics.series == 3)
  }
}
