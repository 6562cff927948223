import Testing

@testable import Wire

/// The decoder beside a plain reader of the same format.
@Suite struct DeliveredReferenceTests {
  static let samples = [
    #"{"__name__":"up","job":"a","value":"1","timestamp":"1698732988354"}"#,
    #"{"__name__":"up","job":"b","value":1,"timestamp":1698732988354}"#,
    #"{"timestamp":"1698732988","v\u0061l":"\ud83d\ude00","value":"-Infinity","__name__":"down"}"#,
  ]

  /// What takes a value's place, in quotes or without them.
  static let values = [
    "1", "-0", "675.0", ".5", "5.", "+7", "1e3", "1.0E16", "nan", "-NaN", "Inf", "+Inf", "-infinity", "StaleNaN", ".",
    "", "-", "1 ", "0x1f", "true", "null", #"\u0031"#, #"1\u0030"#, #"\ud800"#, "123456789012345678901234567890",
    "99999999999999999999", "1698732988354", "1698732988.25", "9999999999", "999999999.6", "[1]",
  ]

  @Test(arguments: ["value", "timestamp", "job"], values)
  func `a member means the same whether its series is known or not`(key: String, value: String) {
    for text in [value, "\"\(value)\""] {
      let odd = Self.samples.map { sample in
        sample.replacing("\"\(key)\":\"1\"", with: "\"\(key)\":\(text)")
          .replacing("\"\(key)\":1698732988354", with: "\"\(key)\":\(text)")
          .replacing("\"\(key)\":1,", with: "\"\(key)\":\(text),")
          .replacing("\"\(key)\":\"a\"", with: "\"\(key)\":\(text)")
      }
      let records = [Self.samples + odd, odd, odd + Self.samples].map { "[\($0.joined(separator: ","))]" }
      let problem = problemOfDelivered(Array(records.joined(separator: "\0").utf8))
      #expect(problem == nil, "\(text)")
    }
  }

  @Test(arguments: 0..<16 as Range<UInt64>)
  func `whatever is in a record, both find the same samples`(seed: UInt64) {
    var rng = SplitMix64(seed: seed)
    let words = [
      "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u005f", " ", "\n", "\0", "null", "\"value\":", "\"timestamp\":",
      "\"__name__\":", "\"a\":\"b\",", "\"\":", "\u{E9}", "{}",
    ]
    for _ in 0..<150 {
      var text: [UInt8] = []
      for _ in 0..<Int.random(in: 1...4, using: &rng) {
        let sample = Self.samples.randomElement(using: &rng) ?? ""
        let value = Self.values.randomElement(using: &rng) ?? ""
        text += (Bool.random(using: &rng) ? "," : "[").utf8
        text += (Bool.random(using: &rng) ? sample : sample.replacing("\"1\"", with: value)).utf8
        if Bool.random(using: &rng) { text += "]\0".utf8 }
      }
      for _ in 0..<Int.random(in: 0...3, using: &rng) {
        let place = Int.random(in: 0..<text.count, using: &rng)
        let end = min(place + Int.random(in: 0...2, using: &rng), text.count)
        text.replaceSubrange(place..<end, with: Array((words.randomElement(using: &rng) ?? "").utf8))
        if text.isEmpty { text = [0] }
      }
      if let problem = problemOfDelivered(text) {
        Issue.record("seed \(seed): \(String(decoding: text, as: UTF8.self)): \(problem)")
      }
    }
  }
}
