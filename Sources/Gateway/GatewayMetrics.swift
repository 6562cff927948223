internal import HTTPServer
internal import KafkaClient
internal import SampleBuffer
internal import Synchronization
internal import TimeSeries
internal import Wire

/// What the gateway tells of itself, beside what its parts count where it happens.
enum GatewayMetrics {
  static func register(
    _ metrics: SelfMetrics, _ buffer: SampleBuffer, _ consumers: ConsumerPool, _ intake: Intake,
    _ pools: [WorkerPool], _ clock: @escaping @Sendable () -> Int64
  ) {
    registerBuffer(metrics, buffer)
    metrics.registerMemory(buffer)
    registerConsumers(metrics, consumers, intake, clock)
    metrics.observe(
      [
        MetricDefinition("promring_http_pool_active", .gauge, "Requests being worked on, by pool.", labels: ["pool"]),
        MetricDefinition("promring_http_pool_queued", .gauge, "Requests waiting for a worker.", labels: ["pool"]),
        MetricDefinition(
          "promring_http_pool_refused_total", .counter, "Requests refused because too many waited.", labels: ["pool"]),
      ]
    ) { report in
      for pool in pools {
        let statistics = pool.statistics
        report.put("promring_http_pool_active", Double(statistics.active), labels: [pool.name])
        report.put("promring_http_pool_queued", Double(statistics.queued), labels: [pool.name])
        report.put("promring_http_pool_refused_total", Double(statistics.refused), labels: [pool.name])
      }
    }
  }

  /// Under the words that Prometheus has for it, with our prefix.
  static func register(_ metrics: SelfMetrics, _ reloader: Reloader) {
    metrics.observe(
      "promring_config_last_reload_successful", .gauge, "Whether the last reading of the configuration succeeded."
    ) { reloader.status.isSuccess ? 1 : 0 }
    metrics.observe(
      "promring_config_last_reload_success_timestamp_seconds", .gauge,
      "When the configuration was last read with success, in Unix time."
    ) { Double(reloader.status.lastSuccessAt) / 1000 }
  }

  static func register(_ metrics: SelfMetrics, _ live: LiveStreams) {
    metrics.observe(
      "promring_live_streams", .gauge, "Clients that are told samples as they arrive (/api/v1/samples/stream)."
    ) {
      Double(live.statistics.streams)
    }
    metrics.observe(
      "promring_live_missed_samples_total", .counter,
      "Samples that clients of live streams missed as they were too slow."
    ) { Double(live.statistics.missed) }
  }

  /// - Parameter server: not kept alive, as it keeps the metrics.
  static func register(_ metrics: SelfMetrics, _ server: Server, connectionsMax: Int) {
    let cut = "promring_http_connections_cut_total"
    metrics.observe([
      MetricDefinition("promring_http_connections", .gauge, "Connections open."),
      MetricDefinition("promring_http_connections_max", .gauge, "How many may be open; further ones wait."),
      MetricDefinition(
        "promring_http_connections_refused_total", .counter,
        "Connections closed at once because their client address had as many as it may."),
      MetricDefinition(
        cut, .counter,
        "Connections cut while a request was awaited: slow (it did not come in time), gone (its client left half-way).",
        labels: ["reason"]),
    ]) { [weak server] report in
      guard let statistics = server?.statistics else { return }
      report.put("promring_http_connections", Double(statistics.connections))
      report.put("promring_http_connections_max", Double(connectionsMax))
      report.put("promring_http_connections_refused_total", Double(statistics.connectionsRefused))
      report.put(cut, Double(statistics.connectionsTooSlow), labels: ["slow"])
      report.put(cut, Double(statistics.connectionsAbandoned), labels: ["gone"])
    }
  }

  private static func registerBuffer(_ metrics: SelfMetrics, _ buffer: SampleBuffer) {
    let gauges: [(String, String, @Sendable (BufferStatistics) -> Double?)] = [
      ("promring_buffer_series", "Series held.", { Double($0.series) }),
      ("promring_buffer_samples", "Samples held.", { Double($0.samples) }),
      ("promring_buffer_label_pairs", "Distinct label pairs held.", { Double($0.labelPairs) }),
      ("promring_buffer_slabs", "Slabs held.", { Double($0.slabs.count) }),
      ("promring_buffer_bytes", "Bytes held by samples, index and caches.", { Double($0.bytes) }),
      ("promring_buffer_max_bytes", "The memory budget.", { Double($0.bytesMax) }),
      (
        "promring_buffer_oldest_seconds", "Where the oldest slab held begins, in Unix time.",
        { $0.oldestSlabStart.map { Double($0) / 1000 } }
      ),
    ]
    let counters: [(String, String, @Sendable (BufferStatistics) -> Double?)] = [
      ("promring_samples_appended_total", "Samples taken into the buffer.", { Double($0.counts.appended) }),
      (
        "promring_samples_out_of_order_total", "Of the samples taken, those older than one their series had.",
        { Double($0.counts.outOfOrder) }
      ),
      (
        "promring_samples_duplicate_total", "Samples that were held already, with the same value.",
        { Double($0.counts.duplicates) }
      ),
      (
        "promring_samples_conflicting_total",
        "Samples whose series and time were held with another value, which stays.",
        { Double($0.counts.conflicts) }
      ),
      ("promring_samples_expired_total", "Samples dropped with their slab.", { Double($0.counts.expired) }),
      ("promring_samples_deleted_total", "Samples deleted on request.", { Double($0.counts.deleted) }),
      ("promring_series_created_total", "Series that have come.", { Double($0.seriesCreated) }),
      ("promring_series_removed_total", "Series that have gone.", { Double($0.seriesRemoved) }),
    ]
    let dropped = MetricDefinition(
      "promring_samples_dropped_total", .counter, "Samples not taken, by reason.", labels: ["reason"])
    let refused = MetricDefinition(
      "promring_series_refused_total", .counter, "Samples whose new series a limit kept out, by limit.",
      labels: ["limit"])
    let definitions =
      gauges.map { MetricDefinition($0.0, .gauge, $0.1) } + counters.map { MetricDefinition($0.0, .counter, $0.1) }
    metrics.observe(definitions + [dropped, refused]) { report in
      let statistics = buffer.statistics()
      for (name, _, value) in gauges + counters {
        if let value = value(statistics) { report.put(name, value) }
      }
      for (reason, count) in [
        ("too_old", statistics.counts.tooOld), ("too_new", statistics.counts.tooNew),
        ("beyond_budget", statistics.counts.beyondBudget), ("out_of_memory", statistics.counts.outOfMemory),
      ] {
        report.put(dropped.name, Double(count), labels: [reason])
      }
      for (limit, count) in statistics.refusals { report.put(refused.name, Double(count), labels: [limit.rawValue]) }
    }
  }

  private static func registerConsumers(
    _ metrics: SelfMetrics, _ consumers: ConsumerPool, _ intake: Intake, _ clock: @escaping @Sendable () -> Int64
  ) {
    let perPartition = ["topic", "partition"]
    func gauge(_ name: String, _ help: String, _ labels: [String] = []) -> MetricDefinition {
      MetricDefinition(name, .gauge, help, labels: labels)
    }
    func counter(_ name: String, _ help: String, _ labels: [String] = []) -> MetricDefinition {
      MetricDefinition(name, .counter, help, labels: labels)
    }
    metrics.observe([
      gauge("promring_kafka_lag_records", "High watermark less position.", perPartition),
      gauge("promring_kafka_lag_seconds", "Age of the newest sample applied.", perPartition),
      gauge("promring_kafka_position", "Offset of the next record.", perPartition),
      gauge("promring_kafka_high_watermark", "The end of the partition.", perPartition),
      gauge(
        "promring_kafka_replayed", "Whether the partition has been read up to its end at assignment.", perPartition),
      gauge("promring_kafka_assigned_partitions", "Partitions assigned."),
      gauge("promring_kafka_replay_progress", "Share of the records to replay that have been read, from 0 to 1."),
      gauge("promring_kafka_trouble", "Whether something keeps the consumers from reading, by cause.", ["cause"]),
      gauge("promring_kafka_queue_records", "Records fetched and not yet decoded."),
      gauge("promring_kafka_queue_bytes", "Bytes fetched and not yet decoded."),
      gauge("promring_kafka_broker_up", "Whether the connection to a broker stands.", ["broker"]),
      gauge("promring_kafka_broker_rtt_seconds", "Mean round trip to a broker of late.", ["broker"]),
      counter("promring_kafka_records_total", "Records read.", perPartition),
      counter("promring_kafka_bytes_total", "Bytes of records read.", perPartition),
      counter("promring_kafka_samples_total", "Samples decoded.", perPartition),
      counter("promring_kafka_rebalances_total", "Changes of the assignment."),
      counter("promring_kafka_errors_total", "Errors of librdkafka, by class.", ["class"]),
      counter("promring_kafka_gaps_total", "Times that reading had to go on elsewhere than where it was."),
      counter("promring_kafka_records_lost_total", "Records that were gone from Kafka before they were read."),
      counter("promring_kafka_client_recreations_total", "Clients made anew after a fatal error."),
    ]) { report in
      let snapshot = consumers.snapshot()
      let now = clock()
      for partition in snapshot.partitions {
        let labels = [partition.topic, String(partition.partition)]
        let samples = intake.partition(TopicPartition(partition.topic, partition.partition))
        let newest = samples.newestTimestamp.load(ordering: .relaxed)
        if let lag = partition.lag { report.put("promring_kafka_lag_records", Double(lag), labels: labels) }
        if newest != Int.min {
          report.put("promring_kafka_lag_seconds", Double(now - Int64(newest)) / 1000, labels: labels)
        }
        if let position = partition.position { report.put("promring_kafka_position", Double(position), labels: labels) }
        if let high = partition.highWatermark {
          report.put("promring_kafka_high_watermark", Double(high), labels: labels)
        }
        report.put("promring_kafka_replayed", partition.isReplayed ? 1 : 0, labels: labels)
        report.put("promring_kafka_records_total", Double(partition.records), labels: labels)
        report.put("promring_kafka_bytes_total", Double(partition.bytes), labels: labels)
        report.put(
          "promring_kafka_samples_total", Double(samples.samples.load(ordering: .relaxed)), labels: labels)
      }
      report.put("promring_kafka_assigned_partitions", Double(snapshot.partitions.count))
      report.put("promring_kafka_replay_progress", snapshot.replayProgress)
      for cause in Trouble.Cause.allCases {
        report.put("promring_kafka_trouble", snapshot.trouble?.cause == cause ? 1 : 0, labels: [cause.rawValue])
      }
      report.put("promring_kafka_queue_records", Double(snapshot.queueRecords))
      report.put("promring_kafka_queue_bytes", Double(snapshot.queueBytes))
      for broker in snapshot.brokers where broker.id >= 0 {
        report.put("promring_kafka_broker_up", broker.isUp ? 1 : 0, labels: [broker.address])
        report.put("promring_kafka_broker_rtt_seconds", Double(broker.roundTripAverage) / 1e6, labels: [broker.address])
      }
      report.put("promring_kafka_rebalances_total", Double(snapshot.rebalances))
      for (kind, count) in snapshot.errors {
        report.put("promring_kafka_errors_total", Double(count), labels: [kind.rawValue])
      }
      report.put("promring_kafka_gaps_total", Double(snapshot.gaps))
      report.put("promring_kafka_records_lost_total", Double(snapshot.recordsLost))
      report.put("promring_kafka_client_recreations_total", Double(snapshot.recreations))
    }
  }

  /// Counts finished requests.
  static func requests(_ metrics: SelfMetrics) -> @Sendable (RequestRecord) -> Void {
    let requests = metrics.counters(
      "promring_http_requests_total", "Requests answered, by route and status.", labels: ["route", "code"])
    let durations = metrics.histograms(
      "promring_http_request_duration_seconds", "From the request line to the last byte.", labels: ["route"])
    let bytes = metrics.counters(
      "promring_http_response_bytes_total", "Bytes of response bodies, as sent.", labels: ["route"])
    return { record in
      let route = record.route ?? "unknown"
      requests.with(route, String(record.status)).add()
      durations.with(route).observe(record.duration)
      bytes.with(route).add(record.responseBytes)
    }
  }
}
