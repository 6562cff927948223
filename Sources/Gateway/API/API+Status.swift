internal import Configuration
internal import Foundation
internal import HTTPServer
internal import KafkaClient
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries

extension API {
  func buildInformation() -> Response {
    Answer.success { writer in
      writer.append("{\"version\":")
      writer.append(json: ProgramVersion.current)
      // No "features" here: Grafana takes a server that has some for a Mimir.
      writer.append(
        ",\"revision\":\"\",\"branch\":\"\",\"buildUser\":\"\",\"buildDate\":\"\",\"goVersion\":\"\(SwiftVersion.text)\"}"
      )
    }
  }

  func runtimeInformation() -> Response {
    let process = ProcessInfo.processInfo
    return Answer.success { writer in
      writer.append("{\"startTime\":")
      writer.append(json: ISO8601.string(startedAt))
      writer.append(",\"CWD\":")
      writer.append(json: FileManager.default.currentDirectoryPath)
      writer.append(",\"hostname\":")
      writer.append(json: process.hostName)
      writer.append(",\"serverTime\":")
      writer.append(json: ISO8601.string(clock()))
      writer.append(",\"reloadConfigSuccess\":true,\"lastConfigTime\":")
      writer.append(json: ISO8601.string(startedAt))
      writer.append(",\"corruptionCount\":0,\"goroutineCount\":")
      writer.append(decimal: Int64(threadCount()))
      writer.append(",\"GOMAXPROCS\":")
      writer.append(decimal: Int64(process.activeProcessorCount))
      writer.append(",\"GOMEMLIMIT\":")
      writer.append(decimal: Int64(configuration.buffer.maxBytes))
      writer.append(",\"GOGC\":\"\",\"GODEBUG\":\"\",\"storageRetention\":")
      writer.append(json: DurationText.string(configuration.buffer.retention))
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
    let cardinality = buffer.cardinality(limit: limit)
    return Answer.success { writer in
      writer.append("{\"headStats\":{\"numSeries\":")
      writer.append(decimal: Int64(statistics.series))
      writer.append(",\"numLabelPairs\":")
      writer.append(decimal: Int64(statistics.labelPairs))
      writer.append(",\"chunkCount\":")
      writer.append(decimal: Int64(statistics.chunks))
      writer.append(",\"minTime\":")
      writer.append(decimal: statistics.oldestSlabStart ?? 0)
      writer.append(",\"maxTime\":")
      writer.append(decimal: statistics.newestSlabEnd ?? 0)
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
    let readiness = self.readiness()
    let now = clock()
    return Answer.success { writer in
      writer.append("{\"mode\":")
      writer.append(json: configuration.kafka.mode.rawValue)
      writer.append(",\"group_id\":")
      writer.append(json: snapshot.group)
      writer.append(",\"brokers\":")
      writer.append(json: configuration.kafka.brokers)
      writer.append(",\"topics\":")
      writer.append(json: configuration.kafka.topics)
      writer.append(",\"client_version\":")
      writer.append(json: ClientSettings.libraryVersion)
      writer.append(",\"state\":")
      writer.append(json: readiness.state.rawValue)
      writer.append(",\"causes\":[")
      for (i, cause) in readiness.causes.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append("{\"reason\":")
        writer.append(json: cause.reason)
        writer.append(",\"since\":")
        writer.append(json: ISO8601.string(cause.since))
        writer.append("}")
      }
      writer.append("],\"rebalances\":")
      writer.append(decimal: Int64(snapshot.rebalances))
      writer.append(",\"replay_progress\":")
      writer.append(snapshot.replayProgress, .json)
      writer.append(",\"partitions\":[")
      for (i, partition) in snapshot.partitions.enumerated() {
        if i > 0 { writer.append(",") }
        write(partition, now, to: &writer)
      }
      writer.append("],\"errors\":[")
      for (i, (kind, count)) in snapshot.errors.sorted(by: { $0.key.rawValue < $1.key.rawValue }).enumerated() {
        if i > 0 { writer.append(",") }
        writer.append("{\"class\":")
        writer.append(json: kind.rawValue)
        writer.append(",\"count\":")
        writer.append(decimal: Int64(count))
        writer.append("}")
      }
      writer.append("],\"last_error\":")
      if let failure = snapshot.lastFailure {
        writer.append("{\"class\":")
        writer.append(json: failure.kind.rawValue)
        writer.append(",\"name\":")
        writer.append(json: failure.name)
        writer.append(",\"text\":")
        writer.append(json: failure.text)
        writer.append(",\"at\":")
        writer.append(json: ISO8601.string(failure.at))
        writer.append("}")
      } else {
        writer.append("null")
      }
      writer.append("}")
    }
  }

  private func write(_ partition: ConsumerSnapshot.Partition, _ now: Int64, to writer: inout ByteWriter) {
    let intake = intake.partition(TopicPartition(partition.topic, partition.partition))
    let newest = intake.newestTimestamp.load(ordering: .relaxed)
    writer.append("{\"topic\":")
    writer.append(json: partition.topic)
    writer.append(",\"partition\":")
    writer.append(decimal: Int64(partition.partition))
    for (name, value) in [
      ("start_offset", partition.start), ("target_offset", partition.target), ("position", partition.position),
      ("high_watermark", partition.highWatermark), ("lag_records", partition.lag),
    ] {
      writer.append(",")
      writer.append(json: name)
      writer.append(":")
      writer.append(decimal: value)
    }
    writer.append(",\"lag_seconds\":")
    if newest == Int.min {
      writer.append("null")
    } else {
      writer.append(seconds: max(now - Int64(newest), 0))
    }
    writer.append(partition.isReplayed ? ",\"replayed\":true" : ",\"replayed\":false")
    writer.append(",\"records\":")
    writer.append(decimal: Int64(partition.records))
    writer.append(",\"samples\":")
    writer.append(decimal: Int64(intake.samples.load(ordering: .relaxed)))
    writer.append(",\"errors\":")
    writer.append(decimal: Int64(intake.flawed.load(ordering: .relaxed)))
    writer.append(",\"error\":")
    writer.append(json: partition.error)
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
        writer.append("{\"topic\":")
        writer.append(json: letter.topic)
        writer.append(",\"partition\":")
        writer.append(decimal: Int64(letter.partition))
        writer.append(",\"offset\":")
        writer.append(decimal: letter.offset)
        writer.append(",\"timestamp\":")
        writer.append(json: letter.timestamp.map(ISO8601.string))
        writer.append(",\"reason\":")
        writer.append(json: letter.reason)
        writer.append(",\"detail\":")
        writer.append(json: letter.detail)
        writer.append(",\"size\":")
        writer.append(decimal: Int64(letter.size))
        writer.append(",\"first_bytes\":")
        writer.append(json: Data(letter.firstBytes).base64EncodedString())
        writer.append(",\"text\":")
        writer.append(json: String(decoding: letter.text, as: UTF8.self))
        writer.append("}")
      }
      writer.append("]}")
    }
  }
}

extension ByteWriter {
  fileprivate mutating func append(json texts: [String]) {
    append("[")
    for (i, text) in texts.enumerated() {
      if i > 0 { append(",") }
      append(json: text)
    }
    append("]")
  }
}

enum SwiftVersion {
  #if swift(>=6.4)
    static let text = "swift6.4+"
  #else
    static let text = "swift6.3"
  #endif
}
