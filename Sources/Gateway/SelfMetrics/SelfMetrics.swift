internal import Synchronization
internal import TimeSeries
public import Wire

/// The registry of promring's own metrics. Parts of the program register here what they count, once, and keep the
/// instrument; a page asks for a snapshot.
public final class SelfMetrics: Sendable {
  private struct Source {
    let definitions: [MetricDefinition]
    let collect: @Sendable (inout SelfMetricsSnapshot) -> Void
  }

  private let sources = Mutex<[Source]>([])

  public init() {}

  /// A counter without labels.
  /// - Parameter parts: how many of what is added make one of what is reported, such as 1e9 for nanoseconds as seconds.
  public func counter(_ name: String, _ help: String, parts: Double = 1) -> Counter {
    let counter = Counter(parts)
    let definition = MetricDefinition(name, .counter, help)
    register(definition) { $0.add(name, definition.labelSet(name, []), counter.value) }
    return counter
  }

  public func counters(_ name: String, _ help: String, labels: [String], parts: Double = 1) -> Labelled<Counter> {
    let definition = MetricDefinition(name, .counter, help, labels: labels)
    let counters = Labelled<Counter>(definition, parts)
    register(definition) { snapshot in
      for (values, counter) in counters.all { snapshot.add(name, definition.labelSet(name, values), counter.value) }
    }
    return counters
  }

  public func gauge(_ name: String, _ help: String) -> Gauge {
    let gauge = Gauge(())
    let definition = MetricDefinition(name, .gauge, help)
    register(definition) { $0.add(name, definition.labelSet(name, []), gauge.value) }
    return gauge
  }

  public func gauges(_ name: String, _ help: String, labels: [String]) -> Labelled<Gauge> {
    let definition = MetricDefinition(name, .gauge, help, labels: labels)
    let gauges = Labelled<Gauge>(definition, ())
    register(definition) { snapshot in
      for (values, gauge) in gauges.all { snapshot.add(name, definition.labelSet(name, values), gauge.value) }
    }
    return gauges
  }

  public func histogram(_ name: String, _ help: String, bounds: [Double] = Histogram.latencyBounds) -> Histogram {
    let histogram = Histogram(bounds)
    let definition = MetricDefinition(name, .histogram, help)
    register(definition) { $0.add(histogram, definition, []) }
    return histogram
  }

  public func histograms(
    _ name: String, _ help: String, labels: [String], bounds: [Double] = Histogram.latencyBounds
  ) -> Labelled<Histogram> {
    let definition = MetricDefinition(name, .histogram, help, labels: labels)
    let histograms = Labelled<Histogram>(definition, bounds)
    register(definition) { snapshot in
      for (values, histogram) in histograms.all { snapshot.add(histogram, definition, values) }
    }
    return histograms
  }

  /// A number that somebody knows already, asked for at each collection; `nil` leaves it out.
  public func observe(
    _ name: String, _ type: MetricType, _ help: String, _ value: @escaping @Sendable () -> Double?
  ) {
    let definition = MetricDefinition(name, type, help)
    register(definition) { snapshot in
      if let value = value() { snapshot.add(name, definition.labelSet(name, []), value) }
    }
  }

  /// Several metrics that are known together, or have labels that come and go.
  public func observe(_ definitions: [MetricDefinition], _ report: @escaping @Sendable (inout MetricReport) -> Void) {
    register(definitions) { snapshot in
      var collected = MetricReport(definitions)
      report(&collected)
      for sample in collected.samples { snapshot.add(sample.metricName, sample.labels, sample.value) }
    }
  }

  /// What is registered, by name.
  public var definitions: [MetricDefinition] {
    sources.withLock { $0.flatMap(\.definitions) }.sorted { $0.name < $1.name }
  }

  /// All metrics as they are now. Observers run on the calling thread, outside any lock of ours.
  public func snapshot() -> SelfMetricsSnapshot {
    let sources = sources.withLock { $0 }
    var snapshot = SelfMetricsSnapshot()
    for source in sources {
      snapshot.declare(source.definitions)
      source.collect(&snapshot)
    }
    return snapshot
  }

  private func register(
    _ definition: MetricDefinition, _ collect: @escaping @Sendable (inout SelfMetricsSnapshot) -> Void
  ) {
    register([definition], collect)
  }

  private func register(
    _ definitions: [MetricDefinition], _ collect: @escaping @Sendable (inout SelfMetricsSnapshot) -> Void
  ) {
    sources.withLock { sources in
      for definition in definitions {
        let isNew = !sources.contains { $0.definitions.contains { $0.name == definition.name } }
        precondition(isNew, "the metric \(definition.name) is registered twice")
      }
      sources.append(Source(definitions: definitions, collect: collect))
    }
  }
}
