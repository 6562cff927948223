/// When a target is due: every interval, at a moment within it that follows from the target alone. So targets are spread
/// evenly, and a restart changes nothing.
///
/// Moments are nanoseconds of the monotonic clock, but for `wall…`.
struct Schedule {
  let interval: Int64
  private(set) var due: Int64
  /// When it was due last, by the wall clock as it was set when the schedule was made.
  private var wallDue: Int64

  /// - Parameter seed: the target's.
  init(interval: Duration, seed: UInt64, now: Int64, wallNow: Int64) {
    self.interval = max(interval.nanoseconds, 1)
    let offset = Int64(seed % UInt64(self.interval))
    let phase = wallNow % self.interval
    let wait = (offset - phase + self.interval) % self.interval
    due = now + wait
    wallDue = wallNow + wait
  }

  /// Goes on to the next moment after `now`.
  /// - Returns: how many were missed.
  mutating func advance(now: Int64) -> Int {
    let steps = max((now - due) / interval, 0) + 1
    due += steps * interval
    wallDue += steps * interval
    return Int(steps - 1)
  }

  /// The time to give to samples of a scrape that begins at `wallNow`, in milliseconds: the moment that was planned if it
  /// is hardly later. Evenly spaced timestamps compress best; Prometheus does the same, with the same tolerance.
  func timestamp(wallNow: Int64) -> Int64 {
    let tolerance = min(2_000_000, interval / 100)
    let late = wallNow - wallDue
    return (late >= 0 && late <= tolerance ? wallDue : wallNow) / 1_000_000
  }

  /// When it will be due next, by the wall clock.
  func wallDue(now: Int64, wallNow: Int64) -> Int64 { wallNow + (due - now) }

  /// A number that texts determine, the same in every process (FNV-1a with a finisher: Appleby, MurmurHash3).
  static func seed(_ texts: [String]) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for text in texts {
      for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
      hash = (hash ^ 0xFF) &* 0x100_0000_01B3
    }
    hash = (hash ^ (hash >> 33)) &* 0xFF51_AFD7_ED55_8CCD
    hash = (hash ^ (hash >> 33)) &* 0xC4CE_B9FE_1A85_EC53
    return hash ^ (hash >> 33)
  }
}

extension Duration {
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }
}
