/// Tokens that come back over time: something may happen `burst` times at once, and once in each `interval`.
struct TokenBucket {
  let interval: Duration
  let burst: Double
  /// How many are missing.
  private var debt = 0.0
  private var seen: ContinuousClock.Instant

  init(interval: Duration, burst: Int, now: ContinuousClock.Instant) {
    self.interval = interval
    self.burst = Double(burst)
    seen = now
  }

  /// Whether all are there.
  mutating func isFull(now: ContinuousClock.Instant) -> Bool {
    settle(now)
    return debt == 0
  }

  /// How long until there is one; `nil` if there is. With none at all it is a long time.
  mutating func wait(now: ContinuousClock.Instant) -> Duration? {
    settle(now)
    guard burst >= 1 else { return .seconds(60) }
    let missing = debt + 1 - burst
    return missing > 1e-9 ? interval * missing : nil
  }

  /// Takes one, whether or not it is there.
  mutating func take(now: ContinuousClock.Instant) {
    settle(now)
    debt = min(debt + 1, burst)
  }

  private mutating func settle(_ now: ContinuousClock.Instant) {
    debt = max(0, debt - (now - seen) / interval)
    seen = now
  }
}

/// Remembers wrong logins by address, so that guessing is slow for whoever guesses and costs us nothing.
struct GuessThrottle {
  /// How many wrong guesses an address has at once, and how long it takes to get one back.
  static let burst = 10
  static let interval = Duration.seconds(2)
  /// Addresses remembered, at about 100 bytes each. Somebody who has more has as many guesses anyway.
  static let addressesMax = 16_384

  private var buckets: [RemoteAddress: TokenBucket] = [:]

  var count: Int { buckets.count }

  /// How long an address has to wait before it may guess again; `nil` if it may.
  mutating func wait(_ address: RemoteAddress, now: ContinuousClock.Instant) -> Duration? {
    buckets[address]?.wait(now: now)
  }

  mutating func countWrong(_ address: RemoteAddress, now: ContinuousClock.Instant) {
    if buckets[address] == nil, buckets.count >= Self.addressesMax { makeRoom(now) }
    buckets[address, default: TokenBucket(interval: Self.interval, burst: Self.burst, now: now)].take(now: now)
  }

  /// Forgets those whose time is over, and if they are few, any others: a sixteenth at a time, so that going through all
  /// is paid for by many.
  private mutating func makeRoom(_ now: ContinuousClock.Instant) {
    for (address, var bucket) in buckets where bucket.isFull(now: now) { buckets[address] = nil }
    let surplus = buckets.count - Self.addressesMax * 15 / 16
    if surplus > 0 { for address in Array(buckets.keys.prefix(surplus)) { buckets[address] = nil } }
  }
}
