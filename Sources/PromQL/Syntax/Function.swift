/// A function of PromQL: its name and the types it takes and gives.
public struct Function: Sendable {
  public let name: FunctionName
  public let argumentTypes: [ValueType]
  /// How many more arguments than one fewer of `argumentTypes` there may be; 0: exactly `argumentTypes`, −1: any number.
  public let variadic: Int
  public let returnType: ValueType
  public let isExperimental: Bool

  /// The function that queries call by this name.
  public static func named(_ name: String) -> Function? {
    FunctionName(rawValue: name).map { FunctionTable.functions[$0] ?? FunctionTable.plain($0) }
  }

  /// Every function there is.
  public static var all: [Function] { FunctionName.allCases.compactMap { named($0.rawValue) } }
}

/// The names of all functions of Prometheus 3.x.
public enum FunctionName: String, Sendable, Hashable, CaseIterable {
  case abs, absent, acos, acosh, asin, asinh, atan, atanh, ceil, changes, clamp, cos, cosh, deg, delta, deriv, end, exp
  case floor, hour, idelta, increase, info, irate, ln, log10, log2, minute, month, pi, rad, range, rate, resets, round
  case scalar, sgn, sin, sinh, sort, sqrt, start, step, tan, tanh, time, timestamp, vector, year
  case absentOverTime = "absent_over_time"
  case avgOverTime = "avg_over_time"
  case clampMax = "clamp_max"
  case clampMin = "clamp_min"
  case countOverTime = "count_over_time"
  case dayOfMonth = "day_of_month"
  case dayOfWeek = "day_of_week"
  case dayOfYear = "day_of_year"
  case daysInMonth = "days_in_month"
  case doubleExponentialSmoothing = "double_exponential_smoothing"
  case firstOverTime = "first_over_time"
  case histogramAvg = "histogram_avg"
  case histogramCount = "histogram_count"
  case histogramFraction = "histogram_fraction"
  case histogramQuantile = "histogram_quantile"
  case histogramQuantiles = "histogram_quantiles"
  case histogramStddev = "histogram_stddev"
  case histogramStdvar = "histogram_stdvar"
  case histogramSum = "histogram_sum"
  case labelJoin = "label_join"
  case labelReplace = "label_replace"
  case lastOverTime = "last_over_time"
  case madOverTime = "mad_over_time"
  case maxOf = "max_of"
  case maxOverTime = "max_over_time"
  case minOf = "min_of"
  case minOverTime = "min_over_time"
  case predictLinear = "predict_linear"
  case presentOverTime = "present_over_time"
  case quantileOverTime = "quantile_over_time"
  case sortByLabel = "sort_by_label"
  case sortByLabelDesc = "sort_by_label_desc"
  case sortDesc = "sort_desc"
  case stddevOverTime = "stddev_over_time"
  case stdvarOverTime = "stdvar_over_time"
  case sumOverTime = "sum_over_time"
  case tsOfFirstOverTime = "ts_of_first_over_time"
  case tsOfLastOverTime = "ts_of_last_over_time"
  case tsOfMaxOverTime = "ts_of_max_over_time"
  case tsOfMinOverTime = "ts_of_min_over_time"
}

/// The signatures that are not simply "instant vector in, instant vector out".
enum FunctionTable {
  static func plain(_ name: FunctionName) -> Function {
    Function(name: name, argumentTypes: [.vector], variadic: 0, returnType: .vector, isExperimental: false)
  }

  static let functions: [FunctionName: Function] = {
    var table: [FunctionName: Function] = [:]
    func add(
      _ name: FunctionName, _ types: [ValueType], variadic: Int = 0, returns: ValueType = .vector,
      experimental: Bool = false
    ) {
      table[name] = Function(
        name: name, argumentTypes: types, variadic: variadic, returnType: returns, isExperimental: experimental)
    }
    for name: FunctionName in [
      .absentOverTime, .avgOverTime, .changes, .countOverTime, .delta, .deriv, .idelta, .increase, .irate,
      .lastOverTime, .maxOverTime, .minOverTime, .presentOverTime, .rate, .resets, .stddevOverTime, .stdvarOverTime,
      .sumOverTime,
    ] {
      add(name, [.matrix])
    }
    for name: FunctionName in [
      .firstOverTime, .madOverTime, .tsOfFirstOverTime, .tsOfLastOverTime, .tsOfMaxOverTime, .tsOfMinOverTime,
    ] {
      add(name, [.matrix], experimental: true)
    }
    for name: FunctionName in [.dayOfMonth, .dayOfWeek, .dayOfYear, .daysInMonth, .hour, .minute, .month, .year] {
      add(name, [.vector], variadic: 1)
    }
    for name: FunctionName in [.start, .end, .step, .range] { add(name, [], returns: .scalar, experimental: true) }
    for name: FunctionName in [.maxOf, .minOf] { add(name, [.scalar, .scalar], returns: .scalar, experimental: true) }
    add(.pi, [], returns: .scalar)
    add(.time, [], returns: .scalar)
    add(.scalar, [.vector], returns: .scalar)
    add(.vector, [.scalar])
    add(.clamp, [.vector, .scalar, .scalar])
    add(.clampMax, [.vector, .scalar])
    add(.clampMin, [.vector, .scalar])
    add(.round, [.vector, .scalar], variadic: 1)
    add(.predictLinear, [.matrix, .scalar])
    add(.quantileOverTime, [.scalar, .matrix])
    add(.doubleExponentialSmoothing, [.matrix, .scalar, .scalar], experimental: true)
    add(.histogramFraction, [.scalar, .scalar, .vector])
    add(.histogramQuantile, [.scalar, .vector])
    add(.histogramQuantiles, [.vector, .string, .scalar, .scalar], variadic: 9, experimental: true)
    add(.labelJoin, [.vector, .string, .string, .string], variadic: -1)
    add(.labelReplace, [.vector, .string, .string, .string, .string])
    add(.sortByLabel, [.vector, .string], variadic: -1, experimental: true)
    add(.sortByLabelDesc, [.vector, .string], variadic: -1, experimental: true)
    add(.info, [.vector, .vector], variadic: 1, experimental: true)
    return table
  }()
}
