internal import Configuration
internal import Delivery
internal import Scrape
internal import Wire

/// What the write side tells of itself.
enum DeliveryMetrics {
  private typealias PerTask = (name: String, type: MetricType, help: String, value: @Sendable (TaskStatus) -> Double)

  static func register(_ metrics: SelfMetrics, _ delivery: Delivery) {
    registerTotals(metrics, delivery)
    registerTasks(metrics, delivery)
    registerSources(metrics, delivery)
    registerScrapes(metrics, delivery)
  }

  private static func registerTotals(_ metrics: SelfMetrics, _ delivery: Delivery) {
    metrics.observe(
      [
        MetricDefinition("promring_delivery_requests_total", .counter, "Remote writes that were read."),
        MetricDefinition("promring_delivery_request_samples_total", .counter, "Samples in them."),
        MetricDefinition(
          "promring_delivery_refused_samples_total", .counter, "Samples refused for good, by reason.",
          labels: ["reason"]),
        MetricDefinition(
          "promring_delivery_ignored_total", .counter,
          "Native histograms and exemplars in them, which the delivered format has no place for.", labels: ["kind"]),
        MetricDefinition(
          "promring_delivery_in_flight_bytes", .gauge,
          "Memory of requests being read and of records that Kafka has not acknowledged."),
        MetricDefinition("promring_delivery_in_flight_max_bytes", .gauge, "How much that may be."),
      ]
    ) { report in
      let totals = delivery.totals
      report.put("promring_delivery_requests_total", Double(totals.requests))
      report.put("promring_delivery_request_samples_total", Double(totals.samples))
      for (reason, samples) in totals.rejected.sorted(by: { $0.key < $1.key }) {
        report.put("promring_delivery_refused_samples_total", Double(samples), labels: [reason])
      }
      report.put("promring_delivery_ignored_total", Double(totals.histograms), labels: ["histogram"])
      report.put("promring_delivery_ignored_total", Double(totals.exemplars), labels: ["exemplar"])
      let (bytes, limit) = delivery.inFlight
      report.put("promring_delivery_in_flight_bytes", Double(bytes))
      report.put("promring_delivery_in_flight_max_bytes", Double(limit))
    }
  }

  private static func registerTasks(_ metrics: SelfMetrics, _ delivery: Delivery) {
    let perTask: [PerTask] = [
      (
        "promring_delivery_up", .gauge, "Whether the task delivers: 0 when it is stopped or in trouble.",
        { $0.state == .running ? 1 : 0 }
      ),
      ("promring_delivery_records_total", .counter, "Records that Kafka has acknowledged.", { Double($0.records) }),
      ("promring_delivery_samples_total", .counter, "Samples in them.", { Double($0.samples) }),
      ("promring_delivery_record_bytes_total", .counter, "Bytes of them.", { Double($0.recordBytes) }),
      (
        "promring_delivery_acknowledgement_seconds_total", .counter,
        "From producing to the acknowledgement, all records together.", { $0.waitedSeconds }
      ),
      (
        "promring_delivery_failed_records_total", .counter,
        "Records that were not delivered; senders of remote write were told to come again.",
        { Double($0.failedRecords) }
      ),
      ("promring_delivery_failed_samples_total", .counter, "Samples in them.", { Double($0.failedSamples) }),
      (
        "promring_delivery_records_in_flight", .gauge, "Records that Kafka has not acknowledged.",
        { Double($0.recordsInFlight) }
      ),
      ("promring_delivery_partitions", .gauge, "Partitions of the topic; 0 while unknown.", { Double($0.partitions) }),
    ]
    metrics.observe(perTask.map { MetricDefinition($0.name, $0.type, $0.help, labels: ["task"]) }) { report in
      for task in delivery.tasks() {
        for metric in perTask { report.put(metric.name, metric.value(task), labels: [task.definition.name]) }
      }
    }
  }

  private static func registerSources(_ metrics: SelfMetrics, _ delivery: Delivery) {
    let labels = ["task", "source"]
    metrics.observe(
      [
        MetricDefinition(
          "promring_delivery_source_samples_total", .counter, "Samples that came to a source, by what became of them.",
          labels: labels + ["result"]),
        MetricDefinition(
          "promring_delivery_renamed_samples_total", .counter,
          "Samples with a label called value or timestamp, which was renamed.", labels: labels),
        MetricDefinition(
          "promring_delivery_known_series", .gauge, "Series that a source knows again.", labels: labels),
        MetricDefinition(
          "promring_delivery_known_series_bytes", .gauge, "Memory for them.", labels: labels),
      ]
    ) { report in
      for task in delivery.tasks() {
        for source in task.sources {
          let place = [task.definition.name, source.name]
          for (result, count) in [
            ("passed", source.passed), ("filtered", source.rejected.reduce(0, +)),
            ("stale_marker_dropped", source.staleMarkersDropped), ("too_large", source.tooLarge),
          ] {
            report.put("promring_delivery_source_samples_total", Double(count), labels: place + [result])
          }
          report.put("promring_delivery_renamed_samples_total", Double(source.movedLabels), labels: place)
          report.put("promring_delivery_known_series", Double(source.knownSeries), labels: place)
          report.put("promring_delivery_known_series_bytes", Double(source.knownSeriesBytes), labels: place)
        }
      }
    }
  }
  private static func registerScrapes(_ metrics: SelfMetrics, _ delivery: Delivery) {
    let labels = ["task", "source"]
    metrics.observe(
      [
        MetricDefinition(
          "promring_delivery_scrape_waiting_samples", .gauge, "Scraped samples that wait for Kafka to take them.",
          labels: labels),
        MetricDefinition(
          "promring_delivery_scrape_lost_samples_total", .counter,
          "Scraped samples for which there was no room while Kafka was away.", labels: labels),
        MetricDefinition(
          "promring_delivery_scrapes_total", .counter, "Scrapes of a target, by result.",
          labels: labels + ["url", "result"]),
        MetricDefinition(
          "promring_delivery_scrape_target_up", .gauge, "Whether the last scrape of a target succeeded.",
          labels: labels + ["url"]),
        MetricDefinition(
          "promring_delivery_scrape_target_seconds", .gauge, "How long the last scrape of a target took.",
          labels: labels + ["url"]),
      ]
    ) { report in
      for task in delivery.tasks() {
        for source in task.sources {
          guard let scraping = source.scraping else { continue }
          let place = [task.definition.name, source.name]
          report.put("promring_delivery_scrape_waiting_samples", Double(scraping.waitingSamples), labels: place)
          report.put("promring_delivery_scrape_lost_samples_total", Double(scraping.lostSamples), labels: place)
          for target in scraping.targets {
            let place = place + [target.url]
            report.put(
              "promring_delivery_scrapes_total", Double(target.scrapes - target.failures), labels: place + ["success"])
            report.put("promring_delivery_scrapes_total", Double(target.failures), labels: place + ["failure"])
            report.put("promring_delivery_scrape_target_up", target.health == .up ? 1 : 0, labels: place)
            report.put(
              "promring_delivery_scrape_target_seconds", target.lastDuration / .seconds(1), labels: place)
          }
        }
      }
    }
  }
}
