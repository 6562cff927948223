internal import HTTPServer
internal import Synchronization
internal import TimeSeries

/// What is out of the ordinary at the moment, as a list and as a stream of what changes in it (`web/api/notifications.go`).
final class Notifications: Sendable {
  struct Notification: Equatable, Sendable {
    let text: String
    /// Since when, in milliseconds since the Unix epoch.
    let since: Int64
    var isActive = true

    func write(to writer: inout ByteWriter) {
      writer.append("{")
      writer.member("text", text)
      writer.member("date", ISO8601.string(since))
      writer.member("active", isActive)
      writer.append("}")
    }

    /// As a server-sent event.
    fileprivate var event: [UInt8] {
      var writer = ByteWriter(capacity: 256)
      writer.append("data: ")
      write(to: &writer)
      writer.append("\n\n")
      return writer.copy()
    }
  }

  /// What holds now, and since when if that is known.
  typealias Condition = (text: String, since: Int64?)

  private struct State {
    var current: [Notification] = []
    var subscribers: [Int: EventStream] = [:]
    var lastSubscriber = 0
  }

  /// Streams open at once, as in Prometheus (`--web.max-notifications-subscribers`).
  static let subscribersMax = 16

  private let clock: @Sendable () -> Int64
  // Nothing of the server is called with this held but sending to a stream that has no connection yet.
  private let state = Mutex(State())

  init(clock: @escaping @Sendable () -> Int64) { self.clock = clock }

  /// What holds now, with the times since when, as known from earlier on.
  func list(_ conditions: [Condition]) -> [Notification] {
    let now = clock()
    return Self.merge(state.withLock { $0.current }, conditions, now)
  }

  /// Takes note of what holds now and tells subscribers what has changed. Called by one thread.
  func update(_ conditions: [Condition]) {
    let now = clock()
    let (events, subscribers) = state.withLock { state in
      let next = Self.merge(state.current, conditions, now)
      var ended = state.current.filter { old in !next.contains { $0.text == old.text } }
      for i in ended.indices { ended[i].isActive = false }
      let begun = next.filter { new in !state.current.contains { $0.text == new.text } }
      state.current = next
      return ((ended + begun).map(\.event), Array(state.subscribers.values))
    }
    for event in events {
      for subscriber in subscribers { subscriber.send(event) }
    }
  }

  /// A stream that begins with what holds now; `nil` when there are too many.
  func subscribe() -> EventStream? {
    state.withLock { state in
      guard state.subscribers.count < Self.subscribersMax else { return nil }
      state.lastSubscriber += 1
      let number = state.lastSubscriber
      let stream = EventStream(queueBytesMax: 16 << 10) { [weak self] in self?.unsubscribe(number) }
      state.subscribers[number] = stream
      for notification in state.current { stream.send(notification.event) }
      return stream
    }
  }

  private func unsubscribe(_ number: Int) {
    state.withLock { _ = $0.subscribers.removeValue(forKey: number) }
  }

  private static func merge(_ known: [Notification], _ conditions: [Condition], _ now: Int64) -> [Notification] {
    conditions.map { condition in
      let since = condition.since ?? known.first { $0.text == condition.text }?.since ?? now
      return Notification(text: condition.text, since: since)
    }
  }
}
