internal import Synchronization

/// What a metric of its own kind counts with. Made and cached by `SelfMetrics`.
public protocol MetricInstrument: AnyObject, Sendable {
  /// How instances of one metric are made alike: the bounds of buckets, a unit.
  associatedtype Settings: Sendable
  init(_ settings: Settings)
}

/// A number that only grows. Count once a batch, not once a sample: an addition is an atomic one.
public final class Counter: MetricInstrument {
  /// The unit counted in, as parts of the unit reported: 1, or 1e9 for nanoseconds reported as seconds.
  public typealias Settings = Double

  private let parts: Double
  private let count = Atomic<UInt64>(0)

  public init(_ parts: Double) { self.parts = parts }

  public func add(_ amount: Int = 1) {
    count.wrappingAdd(UInt64(clamping: amount), ordering: .relaxed)
  }

  public var value: Double { Double(count.load(ordering: .relaxed)) / parts }
}

/// A number that is set. Where somebody knows the number anyway, observe it instead.
public final class Gauge: MetricInstrument {
  public typealias Settings = Void

  private let bits = Atomic<UInt64>(0)

  public init(_: Void) {}

  public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }
}

/// Observations counted by size.
public final class Histogram: MetricInstrument {
  /// Upper bounds of the buckets, rising, without +Inf.
  public typealias Settings = [Double]

  let bounds: [Double]
  /// One more than bounds: the last takes what is above them all.
  private let buckets: [Counter]
  private let sumBits = Atomic<UInt64>(0)

  public init(_ bounds: [Double]) {
    precondition(zip(bounds, bounds.dropFirst()).allSatisfy { $0 < $1 }, "bounds of buckets do not rise: \(bounds)")
    self.bounds = bounds
    buckets = (0...bounds.count).map { _ in Counter(1) }
  }

  /// Seconds from a millisecond to a minute.
  public static let latencyBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

  /// A NaN would make the sum one for ever, so it is not counted.
  public func observe(_ value: Double) {
    if value.isNaN { return }
    buckets[bounds.firstIndex { value <= $0 } ?? bounds.count].add()
    var old = sumBits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + value).bitPattern
      let (exchanged, current) = sumBits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = current
    }
  }

  public func observe(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    observe(Double(seconds) + Double(attoseconds) / 1e18)
  }

  /// Cumulative counts, the last of them being that of all observations, and their sum. Taken while others observe, the
  /// sum may be a few observations ahead or behind; the counts agree among themselves.
  var reading: (cumulative: [Double], sum: Double) {
    var total = 0.0
    let cumulative = buckets.map { bucket in
      total += bucket.value
      return total
    }
    return (cumulative, Double(bitPattern: sumBits.load(ordering: .relaxed)))
  }
}

/// The instances of a metric with labels, one for each combination of values. Keep an instance at hand where it is used
/// often: looking one up takes a lock. Values come from closed sets; nothing is ever removed.
public final class Labelled<Instrument: MetricInstrument>: Sendable {
  private let settings: Instrument.Settings
  private let labelCount: Int
  private let instances = Mutex<[[String]: Instrument]>([:])

  init(_ definition: MetricDefinition, _ settings: Instrument.Settings) {
    self.settings = settings
    labelCount = definition.labels.count
  }

  /// The instance with these values of the labels, in the order of the definition. It is reported from now on.
  public func with(_ values: String...) -> Instrument {
    precondition(values.count == labelCount, "\(labelCount) labels, but values \(values)")
    return instances.withLock { instances in
      if let known = instances[values] { return known }
      let made = Instrument(settings)
      instances[values] = made
      return made
    }
  }

  /// All instances, sorted by their labels.
  var all: [(values: [String], instrument: Instrument)] {
    instances.withLock { $0.map { (values: $0.key, instrument: $0.value) } }
      .sorted { $0.values.lexicographicallyPrecedes($1.values) }
  }
}
