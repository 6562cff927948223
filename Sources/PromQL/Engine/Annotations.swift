internal import TimeSeries

/// What was noticed during an evaluation: warnings and infos, each once.
struct Annotations {
  private let text: String
  private(set) var warnings: [String] = []
  private(set) var infos: [String] = []
  private var seen: Set<String> = []
  private var monotonicity: [Int: Monotonicity] = [:]

  /// What `histogram_quantile` had to change in its input, added up over series and steps.
  struct Monotonicity {
    var lowestBucket: Double
    var highestBucket: Double
    var largestDifference: Double
    var samples = 1
    var firstTime: Int64
    var lastTime: Int64

    mutating func merge(_ other: Monotonicity) {
      lowestBucket = min(lowestBucket, other.lowestBucket)
      highestBucket = max(highestBucket, other.highestBucket)
      largestDifference = max(largestDifference, other.largestDifference)
      samples += other.samples
      firstTime = min(firstTime, other.firstTime)
      lastTime = max(lastTime, other.lastTime)
    }
  }

  init(text: String) { self.text = text }

  mutating func warn(_ message: String, at range: PositionRange) {
    add("PromQL warning: \(message) (\(range.location(in: text)))", to: \.warnings)
  }

  mutating func inform(_ message: String, at range: PositionRange) {
    add("PromQL info: \(message) (\(range.location(in: text)))", to: \.infos)
  }

  private mutating func add(_ message: String, to list: WritableKeyPath<Annotations, [String]>) {
    if seen.insert(message).inserted { self[keyPath: list].append(message) }
  }

  mutating func forcedMonotonicity(_ fix: Monotonicity, at range: PositionRange) {
    if var known = monotonicity[range.start] {
      known.merge(fix)
      monotonicity[range.start] = known
    } else {
      monotonicity[range.start] = fix
    }
  }

  /// Writes out what was added up.
  mutating func finish() {
    for (start, fix) in monotonicity.sorted(by: { $0.key < $1.key }) {
      let help = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"
      inform(
        "input to histogram_quantile needed to be fixed for monotonicity (see \(help)), "
          + "from buckets \(GoText.g(fix.lowestBucket)) to \(GoText.g(fix.highestBucket)), "
          + "with a max diff of \(GoText.g(fix.largestDifference, digits: 2)), over \(fix.samples) samples "
          + "from \(GoText.rfc3339(fix.firstTime)) to \(GoText.rfc3339(fix.lastTime))",
        at: PositionRange(start: start, end: start))
    }
    monotonicity = [:]
  }

  mutating func invalidQuantile(_ value: Double, at range: PositionRange) {
    warn("quantile value should be between 0 and 1, got \(GoText.g(value))", at: range)
  }
}

/// Numbers and times as Go's `fmt` and `time` print them.
enum GoText {
  /// `%g`.
  static func g(_ value: Double) -> String { FloatText.string(value, .exposition) }

  /// `%.2g` and the like.
  static func g(_ value: Double, digits: Int) -> String {
    guard value.isFinite, value != 0 else { return g(value) }
    var exponent = 0
    var scale = 1.0
    while value.magnitude >= scale * 10 {
      scale *= 10
      exponent += 1
    }
    while scale > .leastNormalMagnitude, value.magnitude < scale {
      scale /= 10
      exponent -= 1
    }
    var factor = 1.0
    for _ in 0..<max(0, digits - 1) { factor *= 10 }
    let mantissa = (value / scale * factor).rounded(.toNearestOrEven) / factor
    if exponent < -4 || exponent >= digits {
      let magnitude = String(exponent.magnitude)
      let padded = magnitude.utf8.count < 2 ? "0" + magnitude : magnitude
      return FloatText.string(mantissa, .plain) + "e" + (exponent < 0 ? "-" : "+") + padded
    }
    return FloatText.string(mantissa * scale, .exposition)
  }

  /// `2006-01-02T15:04:05Z`, milliseconds cut off.
  static func rfc3339(_ milliseconds: Int64) -> String {
    let seconds = Calendar.floorDivide(milliseconds, 1000).quotient
    let date = Calendar(unixSeconds: seconds)
    func pad(_ number: Int64, _ width: Int) -> String {
      let digits = String(number.magnitude)
      let zeros = String(repeating: "0", count: max(0, width - digits.utf8.count))
      return (number < 0 ? "-" : "") + zeros + digits
    }
    return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))"
      + "T\(pad(date.hour, 2)):\(pad(date.minute, 2)):\(pad(date.second, 2))Z"
  }
}
