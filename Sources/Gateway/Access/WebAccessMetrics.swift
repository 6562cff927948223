internal import HTTPServer
internal import Wire

/// What is told of those who are not let in.
enum WebAccessMetrics {
  static func register(
    _ metrics: SelfMetrics, _ access: WebAccess, _ statistics: @escaping @Sendable () -> Server.Statistics
  ) {
    metrics.observe(
      "promring_web_config_last_reload_successful", .gauge,
      "Whether the last reading of the web configuration and its certificates succeeded."
    ) { access.isConfigured ? access.status.isSuccess ? 1 : 0 : nil }
    metrics.observe(
      "promring_web_config_last_reload_success_timestamp_seconds", .gauge,
      "When these were last read with success, in Unix time."
    ) { access.isConfigured ? Double(access.status.lastSuccessAt) / 1000 : nil }
    metrics.observe(
      "promring_tls_certificate_end_seconds", .gauge, "When the server's certificate ends, in Unix time."
    ) { access.status.certificateEnd.map(Double.init) }
    metrics.observe([
      MetricDefinition(
        "promring_http_turned_away_total", .counter, "Requests that were not let in, by reason.", labels: ["reason"]),
      MetricDefinition(
        "promring_tls_handshakes_failed_total", .counter, "TLS handshakes that came to nothing, by reason.",
        labels: ["reason"]),
    ]) { report in
      let refusals = access.gatekeeper.refusals
      for reason in Gatekeeper.Refusal.allCases {
        report.put("promring_http_turned_away_total", Double(refusals[reason] ?? 0), labels: [reason.rawValue])
      }
      guard access.tls != nil else { return }
      let failures = statistics().tlsFailures
      for reason in TLSFailure.allCases {
        report.put("promring_tls_handshakes_failed_total", Double(failures[reason] ?? 0), labels: [reason.rawValue])
      }
    }
  }
}
