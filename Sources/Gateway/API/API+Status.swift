internal import Configuration
internal import Foundation
internal import HTTPServer
internal import KafkaClient
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries

extension API {
  func buildInformation() -> Response {
    Answer.success { $0.append(Self.build) }
  }

  /// `/version`: the same without the envelope.
  func version() -> Response {
    .bytes(Array(Self.build.utf8), contentType: Answer.json)
  }

  /// No "features" here: Grafana takes a server that has some for a Mimir.
  private static let build: String = {
    var writer = ByteWriter(capacity: 256)
    writer.append("{")
    writer.member("version", ProgramVersion.current)
    for name in ["revision", "branch", "buildUser", "buildDate"] { writer.member(name, "") }
    writer.member("goVersion", SwiftVersion.text)
    writer.append("}")
    return writer.string()
  }()

  func runtimeInformation() -> Response {
    let process = ProcessInfo.processInfo
    return Answer.success { writer in
      writer.append("{")
      writer.member("startTime", ISO8601.string(startedAt))
      writer.member("CWD", FileManager.default.currentDirectoryPath)
      writer.member("hostname", process.hostName)
      writer.member("serverTime", ISO8601.string(clock()))
      writer.member("reloadConfigSuccess", reloader.status.isSuccess)
      writer.member("lastConfigTime", ISO8601.string(reloader.status.lastSuccessAt))
      writer.member("corruptionCount", 0)
      writer.member("goroutineCount", Int64(threadCount()))
      writer.member("GOMAXPROCS", Int64(process.activeProcessorCount))
      writer.member("GOMEMLIMIT", Int64(configuration.buffer.maxBytes))
      writer.append(",\"GOGC\":\"\",\"GODEBUG\":\"\"")
      writer.member("storageRetention", DurationText.string(configuration.buffer.retention))
      writer.append("}")
    }
  }

  private func threadCount() -> Int {
    (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count) ?? 1
  }

  func flags() -> Response {
    Answer.success { writer in
      writer.append("{")
      for (i, flag) in configuration.flags.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(json: flag.name)
        writer.append(":")
        writer.append(json: flag.value)
      }
      writer.append("}")
    }
  }

  func bufferStatistics(_ request: Request) throws(HTTPError) -> Response {
    var limit = 10
    if let text = request.query.first("limit"), !text.isEmpty {
      guard let number = Int(text), (1...10_000).contains(number) else {
        throw .invalid("limit", "must be a whole number from 1 to 10000")
      }
      limit = number
    }
    let statistics = buffer.statistics()
    let times = buffer.timeRange()
    let cardinality = buffer.cardinality(limit: limit)
    return Answer.success { writer in
      writer.append("{\"headStats\":{\"numSeries\":")
      writer.append(decimal: Int64(statistics.series))
      writer.append(",\"numLabelPairs\":")
      writer.append(decimal: Int64(statistics.labelPairs))
      writer.append(",\"chunkCount\":")
      writer.append(decimal: Int64(statistics.chunks))
      writer.append(",\"minTime\":")
      writer.append(decimal: times?.oldest ?? 0)
      writer.append(",\"maxTime\":")
      writer.append(decimal: times?.newest ?? 0)
      writer.append("}")
      for (name, ranks) in [
        ("seriesCountByMetricName", cardinality.metrics), ("labelValueCountByLabelName", cardinality.names),
        ("memoryInBytesByLabelName", cardinality.nameBytes), ("seriesCountByLabelValuePair", cardinality.pairs),
      ] {
        writer.append(",")
        writer.append(json: name)
        writer.append(":[")
        for (i, rank) in ranks.enumerated() {
          if i > 0 { writer.append(",") }
          writer.append("{\"name\":")
          writer.append(json: rank.name)
          writer.append(",\"value\":")
          writer.append(decimal: Int64(rank.count))
          writer.append("}")
        }
        writer.append("]")
      }
      writer.append("}")
    }
  }

  func kafkaStatus() -> Response {
    let snapshot = consumers.snapshot()
    let now = clock()
    return Answer.success { writer in
      writer.append("{")
      writer.member("mode", configuration.kafka.mode.rawValue)
      writer.member("group_id", snapshot.group)
      writer.member("member_id", snapshot.memberID)
      writer.member("client_version", ClientSettings.libraryVersion)
      writer.member("topics", configuration.kafka.topics)
      writer.member("matched_topics", snapshot.matchedTopics)
      writer.member("state", readiness().state.rawValue)
      writer.member("trouble")
      if let trouble = snapshot.trouble {
        writer.append("{")
        writer.member("cause", trouble.cause.rawValue)
        writer.member("since", ISO8601.string(trouble.since))
        writer.member("detail", trouble.detail)
        writer.append("}")
      } else {
        writer.append("null")
      }
      writer.member("replay_progress")
      writer.append(snapshot.replayProgress, .json)
      writer.member("rebalances", Int64(snapshot.rebalances))
      writer.member("last_rebalance", snapshot.lastRebalanceAt.map(ISO8601.string))
      write(snapshot.brokers, to: &writer)
      writer.member("partitions")
      writer.append("[")
      for (i, partition) in snapshot.partitions.enumerated() {
        if i > 0 { writer.append(",") }
        write(partition, now, to: &writer)
      }
      writer.append("]")
      writer.member("errors")
      writer.append("{")
      for (kind, count) in snapshot.errors.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        writer.member(kind.rawValue, Int64(count))
      }
      writer.append("}")
      writer.member("last_error")
      if let failure = snapshot.lastFailure {
        writer.append("{")
        writer.member("kind", failure.kind.rawValue)
        writer.member("name", failure.name)
        writer.member("text", failure.text)
        writer.member("at", ISO8601.string(failure.at))
        writer.append("}")
      } else {
        writer.append("null")
      }
      writer.member("queue_records", Int64(snapshot.queueRecords))
      writer.member("queue_bytes", Int64(snapshot.queueBytes))
      writer.member("gaps", Int64(snapshot.gaps))
      writer.member("records_lost", snapshot.recordsLost)
      writer.member("client_restarts", Int64(snapshot.recreations))
      writer.append("}")
    }
  }

  private func write(_ brokers: [ConsumerSnapshot.Broker], to writer: inout ByteWriter) {
    writer.member("brokers")
    writer.append("[")
    for (i, broker) in brokers.enumerated() {
      if i > 0 { writer.append(",") }
      writer.append("{")
      writer.member("id", Int64(broker.id))
      writer.member("address", broker.address)
      writer.member("up")
      writer.append(broker.isUp ? "true" : "false")
      writer.member("state", broker.state)
      writer.member("round_trip_seconds")
      writer.append(Double(max(broker.roundTripAverage, 0)) / 1e6, .json)
      writer.member("errors", Int64(broker.errors))
      writer.append("}")
    }
    writer.append("]")
  }

  private func write(_ partition: ConsumerSnapshot.Partition, _ now: Int64, to writer: inout ByteWriter) {
    let intake = intake.partition(TopicPartition(partition.topic, partition.partition))
    let newest = intake.newestTimestamp.load(ordering: .relaxed)
    writer.append("{")
    writer.member("topic", partition.topic)
    writer.member("partition", Int64(partition.partition))
    writer.member("leader", partition.leader.map { Int64($0) })
    writer.member("start_offset", partition.start)
    writer.member("target_offset", partition.target)
    writer.member("position", partition.position)
    writer.member("low_watermark", partition.lowWatermark)
    // librdkafka hears of the end with the next answer, when what came with this one may be applied already.
    writer.member("high_watermark", partition.highWatermark.map { max($0, partition.position ?? $0) })
    writer.member("lag_records", partition.lag)
    writer.member("lag_seconds")
    if newest == Int.min {
      writer.append("null")
    } else {
      writer.append(seconds: max(now - Int64(newest), 0))
    }
    writer.member("replayed")
    writer.append(partition.isReplayed ? "true" : "false")
    writer.member("records", Int64(partition.records))
    writer.member("samples", Int64(intake.samples.load(ordering: .relaxed)))
    writer.member("errors", Int64(intake.flawed.load(ordering: .relaxed)))
    writer.member("last_record", partition.lastRecordAt.map(ISO8601.string))
    writer.member("last_error", partition.error)
    writer.append("}")
  }

  func deadLetters(_ request: Request) throws(HTTPError) -> Response {
    let limit = try request.query.limit()
    let (letters, byReason) = intake.deadLetters.list()
    return Answer.success { writer in
      writer.append("{\"total\":")
      writer.append(decimal: Int64(byReason.reduce(0) { $0 + $1.count }))
      writer.append(",\"by_reason\":{")
      for (i, entry) in byReason.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(json: entry.reason)
        writer.append(":")
        writer.append(decimal: Int64(entry.count))
      }
      writer.append("},\"dead_letters\":[")
      for (i, letter) in letters.prefix(limit == 0 ? letters.count : limit).enumerated() {
        if i > 0 { writer.append(",") }
        writer.append("{")
        writer.member("topic", letter.topic)
        writer.member("partition", Int64(letter.partition))
        writer.member("offset", letter.offset)
        writer.member("timestamp", letter.timestamp.map(ISO8601.string))
        writer.member("reason", letter.reason)
        writer.member("detail", letter.detail)
        writer.member("size", Int64(letter.size))
        writer.member("first_bytes", Data(letter.firstBytes).base64EncodedString())
        writer.member("text", String(decoding: letter.text, as: UTF8.self))
        writer.append("}")
      }
      writer.append("]}")
    }
  }
}

enum SwiftVersion {
  #if swift(>=6.4)
    static let text = "swift6.4+"
  #else
    static let text = "swift6.3"
  #endif
}
