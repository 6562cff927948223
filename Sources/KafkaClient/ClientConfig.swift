internal import CRdKafka

/// librdkafka's settings object until a client takes it: `rd_kafka_new` adopts it only when it succeeds.
struct ClientConfig: ~Copyable {
  private let raw: OpaquePointer = rd_kafka_conf_new()

  deinit { rd_kafka_conf_destroy(raw) }

  mutating func set(_ name: String, _ value: String) throws(SettingsError) {
    var reason = [CChar](repeating: 0, count: 512)
    switch rd_kafka_conf_set(raw, name, value, &reason, reason.count) {
    case RD_KAFKA_CONF_OK: return
    case RD_KAFKA_CONF_UNKNOWN: throw .unknown(property: name, hint: ClientConfig.hint(for: name))
    default: throw .invalid(property: name, reason: ClientConfig.text(reason, of: name, value))
    }
  }

  /// Callbacks find their way to `callbacks` through the client's one opaque slot. Not retained: the client that is
  /// made of this keeps them for as long as librdkafka may call.
  mutating func install(_ callbacks: ClientCallbacks, rebalances: Bool) {
    rd_kafka_conf_set_opaque(raw, Unmanaged.passUnretained(callbacks).toOpaque())
    rd_kafka_conf_set_log_cb(raw, ClientCallbacks.logLine)
    rd_kafka_conf_set_error_cb(raw, ClientCallbacks.clientError)
    rd_kafka_conf_set_stats_cb(raw, ClientCallbacks.statistics)
    if rebalances {
      rd_kafka_conf_set_rebalance_cb(raw, ClientCallbacks.rebalance)
      rd_kafka_conf_set_offset_commit_cb(raw, ClientCallbacks.commit)
    }
  }

  /// Delivery reports come as events, so that they are served by the thread that polls and by no other: `flush` would
  /// call a callback from the thread that flushes.
  mutating func reportDeliveriesAsEvents() {
    rd_kafka_conf_set_events(raw, RD_KAFKA_EVENT_DR)
  }

  consuming func makeHandle(_ type: rd_kafka_type_t) throws(SettingsError) -> OpaquePointer {
    var reason = [CChar](repeating: 0, count: 512)
    guard let handle = rd_kafka_new(type, raw, &reason, reason.count) else {
      let text = ClientConfig.text(reason)
      _ = consume self  // refused: still ours, deinit frees it
      throw .refused(reason: text)
    }
    discard self  // accepted: librdkafka frees it from here on
    return handle
  }

  private static func text(_ buffer: [CChar], of name: String = "", _ value: String = "") -> String {
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard ClientSettings.isSecret(name), !value.isEmpty else { return text }
    return text.split(separator: value, omittingEmptySubsequences: false).joined(separator: "[redacted]")
  }

  /// A better word than "unknown" for names that people have reason to believe in.
  private static func hint(for name: String) -> String? {
    if later.contains(name) { return "it came with a later release" }
    if java.contains(name) || name.hasPrefix("ssl.truststore.") {
      return "it belongs to the Java client; see librdkafka's CONFIGURATION.md for its counterpart"
    }
    return nil
  }

  private static let later: Set<String> = [
    "fetch.queue.backoff.ms", "retry.backoff.max.ms", "client.dns.lookup", "group.protocol", "group.remote.assignor",
    "enable.metrics.push", "metadata.recovery.strategy", "metadata.recovery.rebootstrap.trigger.ms",
    "https.ca.location", "https.ca.pem", "sasl.oauthbearer.grant.type",
  ]
  private static let java: Set<String> = [
    "key.deserializer", "value.deserializer", "key.serializer", "value.serializer", "max.poll.records",
    "ssl.enabled.protocols", "ssl.protocol", "buffer.memory", "max.block.ms", "receive.buffer.bytes",
    "send.buffer.bytes", "default.api.timeout.ms", "interceptor.classes", "ssl.keystore.type",
  ]
}
