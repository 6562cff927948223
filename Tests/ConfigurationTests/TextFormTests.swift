import Testing

@testable import Configuration

/// The notations that values are written in.
@Suite struct TextFormTests {
  @Test(arguments: [
    ("0", 0), ("0s", 0), ("500ms", 500), ("30s", 30_000), ("1h", 3_600_000), ("1h30m", 5_400_000),
    ("1d12h", 129_600_000), ("90d", 7_776_000_000), ("1w", 604_800_000), ("1y", 31_536_000_000),
    ("1y2w3d4h5m6s7ms", 33_019_506_007), ("292y", 9_208_512_000_000), ("120m", 7_200_000),
  ])
  func `durations are read in Prometheus' notation`(text: String, milliseconds: Int64) {
    #expect(DurationText.parse(text)?.wholeMilliseconds == milliseconds)
  }

  @Test(arguments: [
    "", "1", "s", "1x", "-1s", "+1s", "1.5h", "1s1m", "1s1s", "1h 30m", " 1s", "1S", "1ms1s", "293y", "1h30", "00",
    "99999999999999999999s", "9223372036854775807y", "١s", "0h0",
  ])
  func `what is no duration is refused`(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test(arguments: [
    (0, "0s"), (1, "1ms"), (1000, "1s"), (90_000, "1m30s"), (3_600_000, "1h"), (129_600_000, "1d12h"),
    (7_776_000_000, "90d"), (604_800_000, "1w"), (31_536_000_000, "1y"), (31_536_000_001, "365d1ms"),
  ])
  func `durations are printed as Prometheus prints them`(milliseconds: Int64, text: String) {
    #expect(DurationText.string(.milliseconds(milliseconds)) == text)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func `a printed duration reads back as itself`(seed: UInt64) {
    var random = SplitMix64(state: seed)
    let milliseconds = Int64(random.next() >> (22 + seed % 40))
    let text = DurationText.string(.milliseconds(milliseconds))
    #expect(DurationText.parse(text)?.wholeMilliseconds == milliseconds, "seed \(seed): \(text)")
  }

  @Test(arguments: [
    ("0", 0), ("512", 512), ("512B", 512), ("1KiB", 1024), ("512MiB", 536_870_912), ("1GiB", 1_073_741_824),
    ("1kB", 1000), ("1KB", 1000), ("1GB", 1_000_000_000), ("2 MB", 2_000_000), ("1TiB", 1_099_511_627_776),
  ])
  func `sizes are read with units of 1024 and of 1000`(text: String, bytes: Int) {
    #expect(ByteSize.parse(text) == bytes)
  }

  @Test(arguments: [
    "", "B", "-1", "+1", "1.5GiB", "1Gi", "1gb", "1  MB", "9223372036854775808", "9223372036854775807KiB",
  ])
  func `what is no size is refused`(text: String) {
    #expect(ByteSize.parse(text) == nil)
  }

  @Test(arguments: [0, 1, 1023, 1024, 1025, 1 << 20, 3 << 30, 5 << 40, 1_000_000_000, Int.max])
  func `a printed size reads back as itself`(bytes: Int) {
    #expect(ByteSize.parse(ByteSize.string(bytes)) == bytes)
  }

  @Test(
    arguments: [
      ("127.0.0.1:9797", "127.0.0.1", 9797, "127.0.0.1:9797"), (":0", "0.0.0.0", 0, "0.0.0.0:0"),
      ("[::1]:80", "::1", 80, "[::1]:80"), ("localhost:65535", "localhost", 65535, "localhost:65535"),
    ] as [(String, String, UInt16, String)])
  func `listen addresses are read and printed`(text: String, host: String, port: UInt16, printed: String) {
    #expect(ListenAddress(text) == ListenAddress(host: host, port: port))
    #expect(ListenAddress(host: host, port: port).description == printed)
  }

  @Test(arguments: [
    "", "9797", "a", "a:", "a:b", "a:65536", "a:-1", "::1:80", "[]:80", "[::1]", "a b:80", "http://a:80",
  ])
  func `what is no listen address is refused`(text: String) {
    #expect(ListenAddress(text) == nil)
  }

  @Test(arguments: [
    ("kafka", "kafka", 0), ("kafak", "kafka", 1), ("kafk", "kafka", 1), ("kafkaa", "kafka", 1), ("", "abc", 3),
    ("kitten", "sitting", 3), ("ca", "abc", 3),
  ])
  func `edits are counted, a swap of neighbours as one`(a: String, b: String, edits: Int) {
    #expect(Suggestion.distance(Array(a.utf8), Array(b.utf8)) == edits)
    #expect(Suggestion.distance(Array(b.utf8), Array(a.utf8)) == edits)
  }

  @Test func `nothing is suggested for a name that resembles none`() {
    #expect(Suggestion.nearest(to: "zzzzzz", among: ["kafka.brokers", "web.threads"]) == nil)
    #expect(Suggestion.nearest(to: "kafka.borkers", among: ["kafka.brokers", "web.threads"]) == "kafka.brokers")
  }
}

/// A random number generator that gives the same numbers for the same seed.
struct SplitMix64: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
