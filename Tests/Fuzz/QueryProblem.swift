import PromQL
import TimeSeries

/// What the engine does wrong with a query, if anything: it answers or refuses, within its limits, at one moment and over
/// a span alike.
func problemOfQuery(_ input: [UInt8]) -> String? {
  let text = String(decoding: input, as: UTF8.self)
  let began = ContinuousClock.now
  let deadline = began + .seconds(1)
  _ = try? engine.instant(text, at: 250_000, from: source, deadline: deadline)
  _ = try? engine.range(text, from: 0, through: 300_000, step: 15_000, from: source, deadline: deadline)
  let took = began.duration(to: .now)
  return took > .seconds(5) ? "took \(took) for a deadline of a second" : nil
}

private let engine: Engine = {
  var options = Engine.Options()
  options.features = .all
  options.maxSamples = 20_000
  return Engine(options: options)
}()

/// Series of the names and labels that the test scripts use, with gaps, resets, stale markers, NaN and infinities.
private let source: MemorySource = {
  var source = MemorySource()
  func add(_ name: String, _ labels: [String: String], _ value: (Int) -> Double?) {
    let set = LabelSet([Label("__name__", name)] + labels.map { Label($0.key, $0.value) })
    for step in 0..<30 {
      if let value = value(step) { source.append(set, Int64(step) * 10_000 + 137, value) }
    }
  }
  for i in 0..<3 {
    add("m", ["i": "\(i)", "a": "x", "job": "1", "instance": "a"]) { Double($0 * i - 10) / 4 }
    add("c_total", ["i": "\(i)", "job": "api"]) { Double($0 % (7 + i)) * 3 }
    add("cpu", ["instance": "\(i)", "job": i == 0 ? "web" : "api"]) { $0 % 5 == i ? nil : Double($0) }
  }
  for le in ["0.1", "0.5", "1", "+Inf", "x"] {
    add("h_bucket", ["le": le, "job": "a"]) { Double($0) * (le == "0.5" ? 0.5 : 2) }
  }
  add("odd", ["kind": "all"]) {
    [Double.nan, .infinity, -.infinity, 0, -0.0, 1e308, .leastNonzeroMagnitude, StaleMarker.value][$0 % 8]
  }
  add("target_info", ["job": "1", "instance": "a", "data": "x"]) { _ in 1 }
  add("with.dot", ["label/slash": "x y"]) { Double($0) }
  return source
}()
