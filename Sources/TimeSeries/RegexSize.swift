/// How much a regular expression would become when its counted repetitions are written out, which RE2 does before it
/// looks whether the program fits: `x{1000}` twenty thousand times takes it 13 seconds and 320 MiB to refuse.
enum RegexSize {
  /// More than this RE2 would refuse in any case.
  static let limit = 1 << 20

  /// The number of characters and classes with repetitions written out. What is no regular expression has some size, too.
  static func estimate(_ pattern: UnsafeBufferPointer<UInt8>) -> Int {
    var outer: [Int] = []
    var sum = 0
    var last = 0
    var i = 0
    func add(_ size: Int) {
      last = size
      sum = saturated(sum.addingReportingOverflow(size))
    }
    while i < pattern.count {
      let byte = pattern[i]
      i += 1
      switch byte {
      case UInt8(ascii: "\\"):
        i = afterEscape(pattern, i)
        add(1)
      case UInt8(ascii: "["):
        i = afterClass(pattern, i)
        add(1)
      case UInt8(ascii: "("):
        outer.append(sum)
        sum = 0
        last = 0
      case UInt8(ascii: ")"):
        let group = sum
        sum = outer.popLast() ?? 0
        add(group)
      case UInt8(ascii: "{"):
        guard let (count, end) = repetition(pattern, i) else {
          add(1)
          continue
        }
        i = end
        let repeated = saturated(last.multipliedReportingOverflow(by: max(count, 1)))
        sum = saturated((sum - last).addingReportingOverflow(repeated))
        last = repeated
      case UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "?"), UInt8(ascii: "|"): break
      default: add(1)
      }
      if sum == Int.max { return sum }
    }
    return outer.reduce(sum) { saturated($0.addingReportingOverflow($1)) }
  }

  private static func saturated(_ result: (partialValue: Int, overflow: Bool)) -> Int {
    result.overflow ? .max : result.partialValue
  }

  /// Where an escape ends whose backslash is before `i`: `\p{Greek}` and `\x{10FFFF}` have braces of their own.
  private static func afterEscape(_ pattern: UnsafeBufferPointer<UInt8>, _ i: Int) -> Int {
    guard i < pattern.count else { return i }
    let isNamed = [UInt8(ascii: "p"), UInt8(ascii: "P"), UInt8(ascii: "x")].contains(pattern[i])
    guard isNamed, i + 1 < pattern.count, pattern[i + 1] == UInt8(ascii: "{") else { return i + 1 }
    return (pattern[i...].firstIndex(of: UInt8(ascii: "}")) ?? pattern.count - 1) + 1
  }

  /// Where a class ends whose bracket is before `i`. A bracket at its begin, or of `[:alpha:]`, does not end it.
  private static func afterClass(_ pattern: UnsafeBufferPointer<UInt8>, _ i: Int) -> Int {
    var i = i
    if i < pattern.count, pattern[i] == UInt8(ascii: "^") { i += 1 }
    if i < pattern.count, pattern[i] == UInt8(ascii: "]") { i += 1 }
    while i < pattern.count {
      switch pattern[i] {
      case UInt8(ascii: "]"): return i + 1
      case UInt8(ascii: "\\"): i += 2
      case UInt8(ascii: "[") where i + 1 < pattern.count && pattern[i + 1] == UInt8(ascii: ":"):
        i = (pattern[i...].firstIndex(of: UInt8(ascii: "]")) ?? pattern.count - 1) + 1
      default: i += 1
      }
    }
    return pattern.count
  }

  /// `n}`, `n,}` or `n,m}` from `i` on: how often, and where it ends.
  private static func repetition(_ pattern: UnsafeBufferPointer<UInt8>, _ i: Int) -> (count: Int, end: Int)? {
    var numbers: [Int] = []
    var i = i
    while i < pattern.count {
      let start = i
      var number = 0
      while i < pattern.count, case let digit = Int(pattern[i]) - 48, (0...9).contains(digit) {
        number = min(number * 10 + digit, 1 << 20)
        i += 1
      }
      if i > start { numbers.append(number) }
      guard i < pattern.count, i > start || !numbers.isEmpty else { return nil }
      switch pattern[i] {
      case UInt8(ascii: "}"): return (numbers[numbers.count - 1], i + 1)
      case UInt8(ascii: ",") where numbers.count == 1 && i > start: i += 1
      default: return nil
      }
    }
    return nil
  }
}
