internal import HTTPServer
internal import KafkaClient
internal import TimeSeries

/// What Prometheus tells of its log and its blocks on disk. Here the log is Kafka, and there are no blocks.
extension API {
  /// Records of Kafka to read before the window is whole, and how many have been.
  func replayStatus() -> Response {
    let replay = consumers.snapshot().replay
    return Answer.success { writer in
      writer.append("{\"min\":0")
      writer.member("max", replay.records)
      writer.member("current", replay.read)
      writer.append("}")
    }
  }

  func blocks() -> Response {
    Answer.success { $0.append("{\"blocks\":[]}") }
  }
}

extension ConsumerSnapshot {
  /// Records to replay in all assigned partitions, as far as is known by now, and how many of them have been read.
  var replay: (read: Int64, records: Int64) {
    var read: Int64 = 0
    var records: Int64 = 0
    for partition in partitions {
      guard let start = partition.start, let target = partition.target else { continue }
      let span = max(target - start, 0)
      records += span
      read += partition.isReplayed ? span : min(max((partition.position ?? start) - start, 0), span)
    }
    return (read, records)
  }
}
