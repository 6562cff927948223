import PromQL
import TimeSeries

/// The test scripts' language; `scripts/README` explains it. A script is run line by line, and everything that is not as
/// it says is reported with the number of its line.
struct Script {
  private let lines: [String]
  private var next = 0
  private var source = MemorySource()
  private var engine = Engine()
  private(set) var problems: [String] = []
  private(set) var evaluations = 0

  init(_ text: String) {
    lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    engine.options.threads = 2
  }

  struct Malformed: Error {
    let reason: String
    init(_ reason: String) { self.reason = reason }
  }

  mutating func run() {
    while next < lines.count {
      let number = next + 1
      do {
        try runCommand()
      } catch {
        problems.append("line \(number): \(error)")
        next = max(next, number)
      }
    }
  }

  private mutating func runCommand() throws {
    let line = lines[next].trimmed
    next += 1
    if line.isEmpty || line.hasPrefix("#") { return }
    var words = line.split(separator: " ").map(String.init)
    switch words.removeFirst() {
    case "clear": source = MemorySource()
    case "features": engine.options.features = words == ["all"] ? .all : []
    case "lookback": engine.options.lookbackDelta = try milliseconds(words.first ?? "")
    case "maxsamples": engine.options.maxSamples = Int(words.first ?? "") ?? 0
    case "load": try load(every: milliseconds(words.first ?? ""))
    case "eval": try evaluate(line, words)
    default: throw Malformed("unknown command: \(line)")
    }
  }

  /// The indented lines that belong to the command just read, with their numbers.
  private mutating func takeBody() -> [(number: Int, text: String)] {
    var body: [(Int, String)] = []
    while next < lines.count {
      let line = lines[next]
      if line.trimmed.hasPrefix("#") {
        next += 1
        continue
      }
      guard line.hasPrefix(" "), !line.trimmed.isEmpty else { break }
      body.append((next + 1, line.trimmed))
      next += 1
    }
    return body
  }

  // MARK: Loading

  private mutating func load(every interval: Int64) throws {
    for (number, text) in takeBody() {
      let (labels, values) = try series(text, number)
      for (step, value) in values.enumerated() {
        if let value { source.append(labels, Int64(step) * interval, value) }
      }
    }
  }

  /// A series line: name and labels, then values; `nil` for a step without a sample.
  private func series(_ text: String, _ number: Int) throws -> (LabelSet, [Double?]) {
    let (labels, rest) = try labels(text)
    var values: [Double?] = []
    for word in rest.split(separator: " ") { try values += expand(String(word)) }
    return (labels, values)
  }

  private func labels(_ text: String) throws -> (LabelSet, rest: String) {
    var inQuotes = false
    var inBraces = false
    var end = text.startIndex
    for i in text.indices {
      if text[i] == "\"" { inQuotes.toggle() }
      if !inQuotes, text[i] == "{" { inBraces = true }
      if !inQuotes, text[i] == "}" { inBraces = false }
      if !inQuotes, !inBraces, text[i] == " " { break }
      end = text.index(after: i)
    }
    let selector = String(text[..<end])
    let matchers = selector == "{}" ? [] : try parseSelector(selector)
    return (LabelSet(matchers.map { Label($0.name, $0.value) }), String(text[end...]))
  }

  /// `5`, `5x3`, `0+10x4`, `8-2x3`, `_`, `_x2`, `stale`. With `xN` there are N more values than the first; of gaps N.
  private func expand(_ word: String) throws -> [Double?] {
    var base = word
    var count = 0
    if let times = word.lastIndex(of: "x"), let number = Int(word[word.index(after: times)...]) {
      base = String(word[..<times])
      count = number
    }
    if base == "_" { return Array(repeating: nil, count: max(count, 1)) }
    if base == "stale" { return Array(repeating: StaleMarker.value, count: count + 1) }
    if let value = number(base) { return Array(repeating: value, count: count + 1) }
    let sign = base.indices.dropFirst().first { i in
      (base[i] == "+" || base[i] == "-") && base[base.index(before: i)] != "e"
    }
    guard let sign, let first = number(String(base[..<sign])), let step = number(String(base[sign...])) else {
      throw Malformed("no value: \(word)")
    }
    var value = first
    return (0...count).map { _ in
      defer { value += step }
      return value
    }
  }

  private func number(_ text: String) -> Double? {
    Array(text.utf8).withUnsafeBufferPointer { FloatText.parse($0) }
  }

  private func milliseconds(_ text: String) throws -> Int64 {
    guard case .number(let literal) = try parseExpression(text) else { throw Malformed("no time: \(text)") }
    return Int64((literal.value * 1000).rounded())
  }

  // MARK: Evaluating

  private mutating func evaluate(_ line: String, _ words: [String]) throws {
    evaluations += 1
    let number = next
    let body = takeBody()
    var words = words
    let outcome: Result<QueryResult, QueryError>
    var steps: [Int64] = []
    if words.removeFirst() == "instant" {
      words.removeFirst()  // at
      let time = try milliseconds(words.removeFirst())
      let query = words.joined(separator: " ")
      steps = [time]
      outcome = Result { () throws(QueryError) in try engine.instant(query, at: time, from: source) }
    } else {
      let (start, end) = (try milliseconds(words[1]), try milliseconds(words[3]))
      let step = try milliseconds(words[5])
      let query = words.dropFirst(6).joined(separator: " ")
      steps = Array(stride(from: start, through: end, by: Int64.Stride(step)))
      outcome = Result { () throws(QueryError) in
        try engine.range(query, from: start, through: end, step: step, from: source)
      }
    }
    var expectation = Expectation()
    for (number, text) in body { try expectation.add(text, steps: steps, number, self) }
    for problem in expectation.compare(outcome) { problems.append("line \(number): \(line)\n    \(problem)") }
  }

  /// What an evaluation should yield.
  struct Expectation {
    enum Failure {
      case any
      case message(String)
    }
    var failure: Failure?
    var warnings: [String] = []
    var infos: [String] = []
    var isOrdered = false
    var scalar: Double?
    var string: String?
    var series: [(labels: LabelSet, samples: [Sample])] = []

    mutating func add(_ text: String, steps: [Int64], _ number: Int, _ script: Script) throws {
      func rest(_ prefix: String) -> String { String(text.dropFirst(prefix.count)).trimmed }
      if text == "fail" {
        failure = .any
      } else if text.hasPrefix("fail ") {
        failure = .message(rest("fail "))
      } else if text.hasPrefix("warn ") {
        warnings.append(rest("warn "))
      } else if text.hasPrefix("info ") {
        infos.append(rest("info "))
      } else if text == "ordered" {
        isOrdered = true
      } else if text.hasPrefix("scalar ") {
        scalar = script.number(rest("scalar "))
      } else if text.hasPrefix("string ") {
        string = rest("string ")
      } else if text.contains("@") {
        let (labels, values) = try script.labels(text)
        let samples = try values.split(separator: " ").map { word in
          let parts = word.split(separator: "@").map(String.init)
          return Sample(timestamp: try script.milliseconds(parts[1]), value: script.number(parts[0]) ?? 0)
        }
        series.append((labels, samples))
      } else {
        let (labels, values) = try script.series(text, number)
        let samples = zip(steps, values).compactMap { time, value in
          value.map { Sample(timestamp: time, value: $0) }
        }
        if values.count > steps.count { throw Malformed("line \(number): more values than steps") }
        series.append((labels, samples))
      }
    }

    func compare(_ outcome: Result<QueryResult, QueryError>) -> [String] {
      switch (outcome, failure) {
      case (.failure(let error), nil): return ["failed: \(error)"]
      case (.success, .some): return ["should have failed"]
      case (.failure, .any): return []
      case (.failure(let error), .message(let message)):
        return "\(error)".trimmed == message ? [] : ["failed differently: \(error)"]
      case (.success(let result), nil): return compare(result)
      }
    }

    private func compare(_ result: QueryResult) -> [String] {
      var problems = compareNotes("warning", warnings, result.warnings) + compareNotes("info", infos, result.infos)
      switch result.value {
      case .scalar(let sample):
        if scalar.map({ isClose($0, sample.value) }) != true { problems.append("got scalar \(sample.value)") }
      case .string(let text, _): if text != string { problems.append("got string \(text)") }
      case .vector(let elements):
        problems += compareSeries(elements.map { ($0.labels, [$0.sample]) })
      case .matrix(let matrix): problems += compareSeries(matrix.map { ($0.labels, $0.samples) })
      }
      return problems
    }

    private func compareNotes(_ kind: String, _ expected: [String], _ found: [String]) -> [String] {
      var problems: [String] = []
      for text in found where !expected.contains(where: { text.hasSuffix($0) || text.contains($0) }) {
        problems.append("unexpected \(kind): \(text)")
      }
      for text in expected where !found.contains(where: { $0.contains(text) }) {
        problems.append("missing \(kind): \(text)")
      }
      return problems
    }

    private func compareSeries(_ found: [(LabelSet, [Sample])]) -> [String] {
      var problems: [String] = []
      if isOrdered, found.map(\.0) != series.map(\.labels) {
        problems.append("got the order \(found.map(\.0.description).joined(separator: ", "))")
      }
      for (labels, samples) in found {
        guard let expected = series.first(where: { $0.labels == labels }) else {
          problems.append("unexpected \(labels): \(describe(samples))")
          continue
        }
        let agrees =
          samples.count == expected.samples.count
          && zip(samples, expected.samples).allSatisfy { $0.timestamp == $1.timestamp && isClose($0.value, $1.value) }
        if !agrees { problems.append("\(labels): got \(describe(samples)), not \(describe(expected.samples))") }
      }
      for (labels, _) in series where !found.contains(where: { $0.0 == labels }) {
        problems.append("missing \(labels)")
      }
      if found.count != Set(found.map(\.0)).count { problems.append("a series occurs twice") }
      return problems
    }

    private func describe(_ samples: [Sample]) -> String {
      samples.map { "\($0.value)@\(Double($0.timestamp) / 1000)" }.joined(separator: " ")
    }

    private func isClose(_ a: Double, _ b: Double) -> Bool {
      if a.isNaN || b.isNaN { return a.isNaN && b.isNaN }
      return a == b || (a - b).magnitude <= 1e-9 * Swift.max(a.magnitude, b.magnitude)
    }
  }
}

extension String {
  var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
