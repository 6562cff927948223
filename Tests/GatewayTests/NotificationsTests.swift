import HTTPServer
import Synchronization
import Testing

@testable import Gateway

@Suite struct NotificationsTests {
  private final class Clock: Sendable {
    let time = Atomic<Int>(1_700_000_000_000)
    func advance(_ milliseconds: Int) { time.add(milliseconds, ordering: .relaxed) }
  }

  private static func make() -> (Notifications, Clock) {
    let clock = Clock()
    return (Notifications(clock: { Int64(clock.time.load(ordering: .relaxed)) }), clock)
  }

  @Test func `a condition keeps the time of its beginning, until it has ended`() throws {
    let (notifications, clock) = Self.make()
    #expect(notifications.list([]).isEmpty)
    notifications.update([("replaying", nil)])
    clock.advance(5000)
    let list = notifications.list([("replaying", nil), ("no broker", 1_600_000_000_000), ("new", nil)])
    #expect(list.map(\.text) == ["replaying", "no broker", "new"])
    #expect(list.map(\.since) == [1_700_000_000_000, 1_600_000_000_000, 1_700_000_005_000])
    notifications.update([])
    #expect(notifications.list([("replaying", nil)]).map(\.since) == [1_700_000_005_000])
  }

  @Test func `so many streams are open at once, and no more`() throws {
    let (notifications, _) = Self.make()
    let streams = (0..<Notifications.subscribersMax).compactMap { _ in notifications.subscribe() }
    #expect(streams.count == Notifications.subscribersMax)
    #expect(notifications.subscribe() == nil)
  }

  @Test func `a stream begins with what holds and goes on with what changes`() throws {
    let (notifications, _) = Self.make()
    notifications.update([("replaying", nil)])
    let stream = try #require(notifications.subscribe())
    let first = #"data: {"text":"replaying","date":"2023-11-14T22:13:20.000Z","active":true}"# + "\n\n"
    #expect(stream.queuedBytes == first.utf8.count)
    notifications.update([("replaying", nil)])
    #expect(stream.queuedBytes == first.utf8.count, "no change, no event")
    notifications.update([])
    #expect(stream.queuedBytes == 2 * first.utf8.count + 1, "the same with active false")
  }

  @Test func `whoever starts without Kafka is told so`() throws {
    let bench = try APIBench()
    #expect(bench.api.conditions().first?.text == "promring is replaying its window from Kafka.")
    #expect(bench.api.notificationList().data?.contains(#""active":true"#) == true)
  }
}
