import KafkaClient
import Testing

@testable import Gateway

@Suite struct ReadingLogTests {
  private func trouble(_ cause: Trouble.Cause, _ since: Int64, _ detail: String = "x") -> Trouble {
    Trouble(cause: cause, since: since, detail: detail)
  }

  @Test func `the window is told of once`() {
    let log = ReadingLog()
    #expect(log.events(isReplayed: false, trouble: nil, now: 0).isEmpty)
    #expect(log.events(isReplayed: true, trouble: nil, now: 1) == [.windowRead])
    #expect(log.events(isReplayed: false, trouble: nil, now: 2).isEmpty)
    #expect(log.events(isReplayed: true, trouble: nil, now: 3).isEmpty)
  }

  @Test func `trouble that lasts is told of once, and that it is over`() {
    let log = ReadingLog()
    let first = trouble(.brokersDown, 1000)
    #expect(log.events(isReplayed: false, trouble: first, now: 3999).isEmpty)
    #expect(log.events(isReplayed: false, trouble: first, now: 4000) == [.trouble(first)])
    #expect(log.events(isReplayed: false, trouble: trouble(.brokersDown, 1000, "y"), now: 9000).isEmpty)
    let second = trouble(.topicMissing, 1500)
    #expect(log.events(isReplayed: false, trouble: second, now: 9500) == [.trouble(second)])
    #expect(log.events(isReplayed: true, trouble: nil, now: 10_500) == [.over(9000), .windowRead])
    #expect(log.events(isReplayed: true, trouble: nil, now: 11_000).isEmpty)
  }

  @Test func `short trouble is not told of, nor its end`() {
    let log = ReadingLog()
    #expect(log.events(isReplayed: false, trouble: trouble(.partition, 1000), now: 2000).isEmpty)
    #expect(log.events(isReplayed: false, trouble: nil, now: 3000).isEmpty)
  }
}
