import Configuration
import Foundation
import Logging
import Synchronization
import Testing

@testable import promring

@Suite struct LogTests {
  /// Collects what a sink writes.
  final class Written: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func append(_ line: String) { lines.withLock { $0.append(line) } }
  }

  static func logger(
    _ format: ServeConfiguration.Log.Format, secrets: [String] = [], level: Logger.Level = .info
  ) -> (Logger, Written) {
    let written = Written()
    let sink = LogSink(format: format, secrets: secrets, write: written.append)
    let logger = Logger(label: "kafka") { label in
      LineLogHandler(label: label, level: level, sink: sink, now: { 1_769_903_999_042 })
    }
    return (logger, written)
  }

  @Test func `a logfmt line quotes what needs quotes`() {
    let (logger, written) = LogTests.logger(.logfmt)
    logger.info(
      "two words", metadata: ["b": "plain", "a": "x=\"y\"\n", "empty": "", "odd name": "é\u{1}", "level": "7"])
    #expect(
      written.all == [
        #"ts=2026-01-31T23:59:59.042Z level=info msg="two words" component=kafka a="x=\"y\"\n" b=plain empty="""#
          + #" level_=7 odd_name="é\u0001""# + "\n"
      ])
  }

  @Test func `a JSON line is one JSON object`() throws {
    let (logger, written) = LogTests.logger(.json)
    logger.warning("say \"hi\"\n", metadata: ["topic": "a\\b", "list": ["1", "2"]])
    let line = try #require(written.all.first)
    #expect(line.hasSuffix("}\n") && line.dropLast().allSatisfy { !$0.isNewline })
    let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
    #expect(
      object == [
        "ts": "2026-01-31T23:59:59.042Z", "level": "warning", "msg": "say \"hi\"\n", "component": "kafka",
        "topic": "a\\b", "list": "[\"1\", \"2\"]",
      ])
  }

  @Test func `secrets are masked wherever they stand`() {
    let (logger, written) = LogTests.logger(.logfmt, secrets: ["geheim", "geheimer", "abc"])
    logger.info("user geheimer, abc", metadata: ["sasl.password": "other", "reason": "bad geheim"])
    #expect(
      written.all == [
        #"ts=2026-01-31T23:59:59.042Z level=info msg="user <secret>, abc" component=kafka reason="bad <secret>""#
          + " sasl.password=<secret>\n"
      ])
  }

  @Test func `the secrets of a configuration are its passwords, not its user names`() {
    var configuration = ServeConfiguration()
    configuration.kafka.properties = [
      "sasl.password": KafkaProperty("geheim"), "sasl.username": KafkaProperty("admin"),
      "client.id": KafkaProperty("from file", file: "/f"), "debug": KafkaProperty("cgrp"),
    ]
    #expect(configuration.secrets.sorted() == ["from file", "geheim"])
  }

  @Test func `lines below the level are not written`() {
    let (logger, written) = LogTests.logger(.logfmt, level: .warning)
    logger.info("no")
    logger.error("yes")
    #expect(written.all.count == 1)
  }

  @Test func `lines of several threads come one at a time`() {
    let busy = Atomic<Int>(0)
    let overlaps = Atomic<Int>(0)
    let count = Atomic<Int>(0)
    let sink = LogSink(format: .json) { _ in
      if busy.add(1, ordering: .relaxed).newValue > 1 { overlaps.add(1, ordering: .relaxed) }
      count.add(1, ordering: .relaxed)
      busy.subtract(1, ordering: .relaxed)
    }
    DispatchQueue.concurrentPerform(iterations: 1000) { i in
      sink.write(LogLine(timestamp: Int64(i), level: "info", message: "m", fields: []))
    }
    #expect(count.load(ordering: .relaxed) == 1000)
    #expect(overlaps.load(ordering: .relaxed) == 0)
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_007, "2000-02-29T00:00:00.007Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
  ])
  func `times are RFC 3339 with milliseconds`(milliseconds: Int64, text: String) {
    #expect(LogLine.rfc3339(milliseconds) == text)
  }
}
