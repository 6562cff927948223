/// Makes queries up: valid ones, of every function and operator, over the series of `randomSource`.
struct QueryGenerator {
  var rng: SplitMix64

  init(seed: UInt64) { rng = SplitMix64(seed: seed) }

  mutating func pick(_ choices: [String]) -> String { choices.randomElement(using: &rng) ?? "" }

  mutating func vector(_ depth: Int) -> String {
    if depth <= 0 { return selector() }
    let d = depth - 1
    switch Int.random(in: 0..<12, using: &rng) {
    case 0: return selector()
    case 1, 2: return rangeCall(d)
    case 3: return "\(pick(QueryGenerator.simple))(\(vector(d)))"
    case 4, 5: return aggregation(d)
    case 6: return binary(d)
    case 7: return "\(vector(d)) \(pick(["and", "or", "unless"])) \(pick(["", "on (a) ", "ignoring (b) "]))\(vector(d))"
    case 8: return "(\(vector(d)) \(pick(QueryGenerator.operators)) \(scalar(d)))"
    case 9: return "vector(\(scalar(d)))"
    case 10: return other(d)
    default: return "-(\(vector(d)))"
    }
  }

  private mutating func selector() -> String {
    let name = pick(["m", "c_total", "h_bucket", "gappy", "nothing"])
    let matchers = pick(["", "{a=\"1\"}", "{a!=\"1\"}", "{b=~\"[xy]\"}", "{b!~\"x.*\", a=~\".+\"}"])
    return name + matchers + pick(["", "", "", " offset 20s", " offset -15s", " @ 100"])
  }

  private mutating func matrix(_ depth: Int) -> String {
    if depth > 0, Int.random(in: 0..<3, using: &rng) == 0 {
      return "(\(vector(depth - 1)))[\(pick(["40s:10s", "1m:7s", "90s:30s"]))]" + pick(["", " offset 10s", " @ 90"])
    }
    let name = pick(["m", "c_total", "h_bucket", "gappy"])
    return name + "[\(pick(["15s", "25s", "1m", "95s", "5m"]))]" + pick(["", "", " offset 12s", " @ 120"])
  }

  private mutating func rangeCall(_ depth: Int) -> String {
    switch Int.random(in: 0..<5, using: &rng) {
    case 0: return "quantile_over_time(\(pick(["0.3", "0.9", "1"])), \(matrix(depth)))"
    case 1: return "predict_linear(\(matrix(depth)), \(pick(["60", "-30", "time() / 10"])))"
    case 2: return "double_exponential_smoothing(\(matrix(depth)), 0.4, 0.7)"
    default: return "\(pick(QueryGenerator.overTime))(\(matrix(depth)))"
    }
  }

  private mutating func aggregation(_ depth: Int) -> String {
    let grouping = pick(["", " by (a)", " by (a, b)", " without (b)", " by (nothing)"])
    let inner = vector(depth)
    switch Int.random(in: 0..<6, using: &rng) {
    case 0: return "\(pick(["topk", "bottomk"]))\(grouping) (\(pick(["1", "2", "3"])), \(inner))"
    case 1: return "quantile\(grouping) (\(pick(["0", "0.4", "1"])), \(inner))"
    case 2: return "count_values\(grouping) (\"v\", \(inner))"
    default: return "\(pick(["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]))\(grouping) (\(inner))"
    }
  }

  private mutating func binary(_ depth: Int) -> String {
    let matching = pick(["", " on (a, b)", " ignoring (le)", " on (a) group_left ()", " on (a) group_right (b)"])
    return "(\(vector(depth)) \(pick(QueryGenerator.operators))\(matching) \(vector(depth)))"
  }

  private mutating func other(_ depth: Int) -> String {
    switch Int.random(in: 0..<8, using: &rng) {
    case 0: return "histogram_quantile(0.7, \(pick(["h_bucket", "rate(h_bucket[1m])", "sum by (le) (h_bucket)"])))"
    case 1: return "histogram_fraction(0, 0.6, h_bucket)"
    case 2: return "label_replace(\(vector(depth)), \"n\", \"$1-x\", \"b\", \"(.).*\")"
    case 3: return "label_join(\(vector(depth)), \"n\", \"-\", \"a\", \"b\")"
    case 4: return "absent(\(vector(depth)))"
    case 5: return "clamp(\(vector(depth)), -5, \(scalar(depth)))"
    case 6: return "timestamp(\(vector(depth)))"
    default: return "absent_over_time(\(matrix(depth)))"
    }
  }

  mutating func scalar(_ depth: Int) -> String {
    switch Int.random(in: 0..<6, using: &rng) {
    case 0: return "time()"
    case 1: return "scalar(\(vector(depth - 1)))"
    case 2: return "(\(pick(["2", "-1", "0.5"])) \(pick(["+", "*", "^", "/"])) \(depth > 0 ? scalar(depth - 1) : "3"))"
    default: return pick(["1", "0", "-2.5", "100", "1m", "pi()"])
    }
  }

  static let operators = [
    "+", "-", "*", "/", "%", "^", "atan2", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool",
  ]
  static let simple = [
    "abs", "ceil", "floor", "exp", "sqrt", "ln", "log2", "log10", "sin", "cos", "atan", "tanh", "sgn", "deg", "rad",
    "round", "sort", "hour", "day_of_week", "day_of_year", "month", "year", "days_in_month",
  ]
  static let overTime = [
    "rate", "increase", "delta", "irate", "idelta", "sum_over_time", "avg_over_time", "min_over_time",
    "max_over_time", "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
    "stdvar_over_time", "changes", "resets", "deriv", "first_over_time", "mad_over_time", "ts_of_max_over_time",
    "ts_of_min_over_time", "ts_of_first_over_time", "ts_of_last_over_time",
  ]
}
