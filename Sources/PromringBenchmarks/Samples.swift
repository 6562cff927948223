import TimeSeries
import Wire

/// Records of the delivered format, as a cluster would send them: gauges that rest, gauges that wander, counters,
/// histogram buckets, each with a dozen labels.
struct Workload {
  let records: [[UInt8]]
  let unpackedBytes: Int
  let sampleCount: Int
  let start: Int64
  let end: Int64

  static let step: Int64 = 15_000

  init(_ load: Load, endingAt now: Int64) {
    start = now - Int64(load.rounds) * Self.step
    end = now
    var rng = SplitMix64(seed: 42)
    let heads = (0..<load.series).map { Self.labels($0) }
    var values = (0..<load.series).map { Double($0 % 977) }
    var records: [[UInt8]] = []
    var unpacked = 0
    var order = Array(0..<load.series)
    var writer = ByteWriter(capacity: 1 << 20)
    for round in 0..<load.rounds {
      if load.shuffled { order.shuffle(using: &rng) }
      let timestamp = start + Int64(round) * Self.step
      var position = 0
      while position < order.count {
        writer.removeAll()
        writer.append("[")
        for i in order[position..<min(position + load.recordSamples, order.count)] {
          Self.advance(&values[i], kind: i % 10, &rng)
          writer.append(heads[i])
          writer.append(values[i], .json)
          // Exporters of one target share a scrape's timestamp; targets differ by a few milliseconds.
          writer.append("\",\"timestamp\":\"")
          writer.append(decimal: timestamp + Int64(i / 1000 % 700))
          writer.append("\"},")
        }
        writer.removeLast()
        writer.append("]")
        unpacked += writer.count
        records.append(writer.withBytes { Snappy.compress($0) })
        position += load.recordSamples
      }
    }
    self.records = records
    unpackedBytes = unpacked
    sampleCount = load.series * load.rounds
  }

  /// Half of the series rest, a fifth are counters, the others wander.
  private static func advance(_ value: inout Double, kind: Int, _ rng: inout SplitMix64) {
    switch kind {
    case 0, 1: value += Double(rng.next() % 100)
    case 2: value += Double(rng.next() % 1000) / 100
    case 3: value = Double(rng.next() >> 11) * 0x1p-53
    case 4: value += (Double(rng.next() % 3) - 1) * 4096
    case 5: if rng.next() % 8 == 0 { value += 1 }
    default: break
    }
  }

  /// The object up to its value.
  private static func labels(_ i: Int) -> String {
    let node = i / 5000
    let pod = i / 200
    let metric = i % 200
    let name = metric < 60 ? "http_request_duration_seconds_bucket" : "container_metric_\(metric)_total"
    let le = metric < 60 ? "\"le\":\"\(Double(metric) / 10)\"," : ""
    return "{\"__name__\":\"\(name)\",\(le)\"cluster\":\"production-eu-1\",\"namespace\":\"team-\(pod % 40)\","
      + "\"pod\":\"service-\(pod % 97)-7d4b9c6f5-\(pod)\",\"container\":\"app\",\"node\":\"ip-10-0-\(node)-17.internal\","
      + "\"job\":\"kubernetes-pods\",\"instance\":\"10.0.\(node).\(pod % 250):8080\",\"service\":\"service-\(pod % 97)\","
      + "\"endpoint\":\"metrics\",\"value\":\""
  }
}

struct SplitMix64: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
