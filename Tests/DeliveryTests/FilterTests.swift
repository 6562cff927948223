import Configuration
import Testing
import TimeSeries

@testable import Delivery

@Suite struct FilterTests {
  /// The lines that the vendor's page gives as its example.
  private static let documented = [
    "__name__=AliyunEcs_CPUUtilization|AliyunEcs_memory_usedutilization", "regionId=cn-hangzhou", "id=i-2ze0mxp.*",
  ]

  @Test(
    arguments: [
      (["__name__": "AliyunEcs_CPUUtilization", "regionId": "cn-hangzhou", "id": "i-2ze0mxp7"], nil),
      (["__name__": "AliyunEcs_memory_usedutilization", "regionId": "cn-hangzhou", "id": "i-2ze0mxp"], nil),
      (["__name__": "AliyunEcs_CPUUtilization_max", "regionId": "cn-hangzhou", "id": "i-2ze0mxp7"], 0),
      (["__name__": "AliyunEcs_CPUUtilization", "regionId": "cn-hangzhou-b", "id": "i-2ze0mxp7"], 1),
      (["__name__": "AliyunEcs_CPUUtilization", "id": "i-2ze0mxp7"], 1),
      (["__name__": "AliyunEcs_CPUUtilization", "regionId": "cn-hangzhou", "id": "ai-2ze0mxp7"], 2),
      (["regionId": "cn-beijing", "id": "x"], 0),
    ] as [([String: String], Int?)])
  func `the documented lines let through what they say`(labels: [String: String], rejectedBy: Int?) throws {
    let filter = Filter(lines: try TaskLines.filter(Self.documented))
    #expect(filter.rejectingLine(of: labels) == rejectedBy)
  }

  @Test func `no lines let everything through, and an absent label is the empty string`() throws {
    #expect(Filter(lines: []).rejectingLine(of: ["__name__": "up"]) == nil)
    #expect(Filter(lines: try TaskLines.filter(["job="])).rejectingLine(of: ["__name__": "up"]) == nil)
    #expect(Filter(lines: try TaskLines.filter(["job=|node"])).rejectingLine(of: ["__name__": "up"]) == nil)
    #expect(Filter(lines: try TaskLines.filter(["job=.+"])).rejectingLine(of: ["__name__": "up"]) == 0)
  }

  @Test func `blanks around a line and its parts do not count, and a text may hold several lines`() throws {
    let lines = try TaskLines.filter(["  job = api \n\nle=0\\.5\r\n", ""])
    #expect(lines.map(\.text) == ["job=api", "le=0\\.5"])
  }

  @Test(arguments: [
    ("job", "there is no \"=\""), ("=api", "there is no name before"), ("job=~api", "neither != nor =~"),
    ("job!=api", "neither != nor =~"), ("job=\"api\"", "without quotes"), ("job=a(", "missing )"),
    ("job=(?=a)", "invalid perl operator"), ("job=a**", "bad repetition operator"),
  ])
  func `a wrong filter line is named with its fault`(line: String, fault: String) {
    #expect {
      try TaskLines.filter(["__name__=up", line])
    } throws: { error in
      "\(error)".hasPrefix("line \"\(line)\": ") && "\(error)".contains(fault)
    }
  }

  @Test(arguments: [
    ("__name__=x", "cannot be attached"), ("value=1", "cannot be attached"), ("timestamp=1", "cannot be attached"),
    ("a=", "the value is empty"), ("=a", "no name"), ("a", "no \"=\""), ("deliver=2", "attached already"),
  ])
  func `a wrong label line is named with its fault`(line: String, fault: String) {
    #expect {
      try TaskLines.labels(["deliver=1", line])
    } throws: { error in
      "\(error)".hasPrefix("line \"\(line)\": ") && "\(error)".contains(fault)
    }
  }

  /// 2,000 filters, 50 label sets each.
  @Test(arguments: 0..<20 as Range<UInt64>)
  func `filters agree with a naive model`(seed: UInt64) throws {
    var rng = SplitMix64(seed: seed)
    var passed = 0
    for _ in 0..<100 {
      let model = (0..<Int.random(in: 0...3, using: &rng)).map { _ in
        (name: Naive.names.randomElement(using: &rng) ?? "", pattern: Naive.pattern(depth: 2, &rng))
      }
      let filter = Filter(lines: try TaskLines.filter(model.map { "\($0.name)=\($0.pattern.text)" }))
      for _ in 0..<50 {
        let labels = Naive.labels(&rng)
        let expected = model.firstIndex { !$0.pattern.matches(Array(labels[$0.name, default: ""].utf8)) }
        #expect(filter.rejectingLine(of: labels) == expected, "seed \(seed), \(filter.lines.map(\.text)), \(labels)")
        passed += expected == nil ? 1 : 0
      }
    }
    #expect((500...4500).contains(passed), "\(passed) of 5000 passed: the test tells little")
  }
}

extension Filter {
  fileprivate func rejectingLine(of labels: [String: String]) -> Int? {
    LabelSet(labels.map { Label($0.key, $0.value) }).withLabelBytes { rejectingLine($0) }
  }
}

/// Regular expressions, few of them, understood by trying everything.
private indirect enum Naive {
  case text(String)
  case anything
  case either(Naive, Naive)
  case both(Naive, Naive)
  case some(Naive)
  case oneOf(String)

  static let names = ["__name__", "job", "region"]
  private static let words = ["", "a", "b", "ab", "ba", "aab", "abab", "é", "a\nb"]

  static func labels(_ rng: inout SplitMix64) -> [String: String] {
    names.reduce(into: [:]) { $0[$1] = words.randomElement(using: &rng) ?? "" }
  }

  static func pattern(depth: Int, _ rng: inout SplitMix64) -> Naive {
    switch Int.random(in: 0..<(depth > 0 ? 7 : 3), using: &rng) {
    case 0: .text(words.dropLast().randomElement(using: &rng) ?? "")
    case 1: .anything
    case 2: .oneOf("ab")
    case 3, 4: .either(pattern(depth: depth - 1, &rng), pattern(depth: depth - 1, &rng))
    case 5: .both(pattern(depth: depth - 1, &rng), pattern(depth: depth - 1, &rng))
    default: .some(pattern(depth: depth - 1, &rng))
    }
  }

  /// In RE2's syntax. At the top an alternative needs no parentheses, anchored as it is.
  var text: String {
    if case .either(let a, let b) = self { return "\(a.text)|\(b.text)" }
    return inner
  }

  private var inner: String {
    switch self {
    case .text(let text): text
    case .anything: ".*"
    case .oneOf(let letters): "[\(letters)]"
    case .either(let a, let b): "(\(a.inner)|\(b.inner))"
    case .both(let a, let b): a.inner + b.inner
    case .some(let a): "(\(a.inner))+"
    }
  }

  func matches(_ value: [UInt8]) -> Bool { ends(value, 0).contains(value.count) }

  /// Where a match that begins at `start` may end.
  private func ends(_ value: [UInt8], _ start: Int) -> Set<Int> {
    switch self {
    case .text(let text):
      return value[start...].starts(with: text.utf8) ? [start + text.utf8.count] : []
    case .anything: return Set(start...value.count)
    case .oneOf(let letters):
      return start < value.count && letters.utf8.contains(value[start]) ? [start + 1] : []
    case .either(let a, let b): return a.ends(value, start).union(b.ends(value, start))
    case .both(let a, let b): return Set(a.ends(value, start).flatMap { b.ends(value, $0) })
    case .some(let a):
      var found: Set<Int> = []
      var fresh = a.ends(value, start)
      while !fresh.isEmpty {
        found.formUnion(fresh)
        fresh = Set(fresh.flatMap { a.ends(value, $0) }).subtracting(found)
      }
      return found
    }
  }
}
