#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Binary operators on two numbers, and functions of one.
enum Arithmetic {
  static func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }

  /// The value of an arithmetic operator.
  @inline(__always) static func value(_ op: BinaryOperator, _ a: Double, _ b: Double) -> Double {
    switch op {
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .modulo: fmod(a, b)
    case .power: pow(a, b)
    case .atan2: atan2(a, b)
    default: a
    }
  }

  /// Whether a comparison holds.
  @inline(__always) static func holds(_ op: BinaryOperator, _ a: Double, _ b: Double) -> Bool {
    switch op {
    case .equal: a == b
    case .notEqual: a != b
    case .less: a < b
    case .lessOrEqual: a <= b
    case .greater: a > b
    case .greaterOrEqual: a >= b
    default: true
    }
  }

  /// What a function of each sample's value alone computes; `nil` for any other function.
  static func function(_ name: FunctionName) -> ((Double) -> Double)? {
    switch name {
    case .abs: { $0.magnitude }
    case .ceil: { $0.rounded(.up) }
    case .floor: { $0.rounded(.down) }
    case .exp: { exp($0) }
    case .sqrt: { $0.squareRoot() }
    case .ln: { log($0) }
    case .log2: { log2($0) }
    case .log10: { log10($0) }
    case .sin: { sin($0) }
    case .cos: { cos($0) }
    case .tan: { tan($0) }
    case .asin: { asin($0) }
    case .acos: { acos($0) }
    case .atan: { atan($0) }
    case .sinh: { sinh($0) }
    case .cosh: { cosh($0) }
    case .tanh: { tanh($0) }
    case .asinh: { asinh($0) }
    case .acosh: { acosh($0) }
    case .atanh: { atanh($0) }
    case .rad: { $0 * .pi / 180 }
    case .deg: { $0 * 180 / .pi }
    case .sgn: { $0 < 0 ? -1 : $0 > 0 ? 1 : $0 }
    default: nil
    }
  }

  /// What a function of a moment yields; `nil` for any other function.
  static func dateFunction(_ name: FunctionName) -> ((Calendar) -> Int64)? {
    switch name {
    case .dayOfMonth: { $0.day }
    case .dayOfWeek: { $0.weekday }
    case .dayOfYear: { $0.dayOfYear }
    case .daysInMonth: { $0.daysInMonth }
    case .hour: { $0.hour }
    case .minute: { $0.minute }
    case .month: { $0.month }
    case .year: { $0.year }
    default: nil
    }
  }

  /// Seconds as a date, however large; NaN is the smallest moment there is, as in Go.
  static func calendar(_ seconds: Double) -> Calendar {
    // Where Go's conversion to an integer has no answer, it gives the least one, from which its calendar wraps around to
    // the moment after the greatest.
    guard seconds.magnitude < 0x1p63 else { return Calendar(unixSeconds: .max) }
    return Calendar(unixSeconds: Int64(seconds))
  }

  @inline(__always) static func clamp(_ value: Double, _ low: Double, _ high: Double) -> Double {
    max(low, min(high, value))
  }

  /// Go's `math.Max`: NaN when either is, unless the other is +Inf; 0 above −0.
  @inline(__always) static func max(_ a: Double, _ b: Double) -> Double {
    if a == .infinity || b == .infinity { return .infinity }
    if a.isNaN || b.isNaN { return .nan }
    return a == b ? (a.sign == .minus ? b : a) : Swift.max(a, b)
  }

  /// Go's `math.Min`: NaN when either is, unless the other is −Inf; −0 below 0.
  @inline(__always) static func min(_ a: Double, _ b: Double) -> Double { -max(-a, -b) }
}
