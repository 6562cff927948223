@preconcurrency internal import Dispatch
internal import Glibc

/// The time of day.
enum WallClock {
  /// Milliseconds since the Unix epoch.
  static var milliseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}

/// Does something now and then until it is stopped.
final class Ticker: Sendable {
  private let timer: any DispatchSourceTimer

  init(every interval: DispatchTimeInterval, _ body: @escaping @Sendable () -> Void) {
    let timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "promring.ticker"))
    timer.schedule(deadline: .now() + interval, repeating: interval, leeway: .milliseconds(100))
    timer.setEventHandler(handler: body)
    timer.activate()
    self.timer = timer
  }

  func stop() { timer.cancel() }

  deinit { timer.cancel() }
}
