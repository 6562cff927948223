internal import CRdKafka

/// What librdkafka calls back: translated here and handed on.
///
/// `onError`, `onStatistics`, `onRebalance` and `onCommit` run on the thread of ours that polls the client (or closes
/// it); `log` on any thread of librdkafka.
final class ClientCallbacks: Sendable {
  let log: ClientLog
  let onError: @Sendable (KafkaError) -> Void
  let onStatistics: @Sendable (String) -> Void
  /// The list belongs to librdkafka and dies when this returns. Must answer with (un)assign, also during close.
  let onRebalance:
    @Sendable (OpaquePointer, rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> Void
  let onCommit: @Sendable (KafkaError?) -> Void

  init(
    log: @escaping ClientLog, onError: @escaping @Sendable (KafkaError) -> Void = { _ in },
    onStatistics: @escaping @Sendable (String) -> Void = { _ in },
    onRebalance:
      @escaping @Sendable (
        OpaquePointer, rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
      ) -> Void = { _, _, _ in },
    onCommit: @escaping @Sendable (KafkaError?) -> Void = { _ in }
  ) {
    self.log = log
    self.onError = onError
    self.onStatistics = onStatistics
    self.onRebalance = onRebalance
    self.onCommit = onCommit
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> ClientCallbacks? {
    context.map { Unmanaged<ClientCallbacks>.fromOpaque($0).takeUnretainedValue() }
  }

  /// What made the client unusable: told apart from the fact that it is.
  static func fatalCause(of client: OpaquePointer) -> String? {
    var buffer = [CChar](repeating: 0, count: 512)
    let cause = rd_kafka_fatal_error(client, &buffer, buffer.count)
    guard cause != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(String(cString: rd_kafka_err2name(cause))): \(text)"
  }

  static let logLine: @convention(c) (OpaquePointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?) -> Void = {
    client, level, facility, message in
    guard let client, let callbacks = from(rd_kafka_opaque(client)), let facility, let message else { return }
    callbacks.log(
      LogLevel(rawValue: level) ?? .info, String(cString: facility), String(cString: message))
  }

  static let clientError:
    @convention(c) (OpaquePointer?, Int32, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Void = {
      client, code, reason, context in
      guard let callbacks = from(context) else { return }
      let code = rd_kafka_resp_err_t(rawValue: code)
      var text = reason.map { String(cString: $0) } ?? ""
      if code == RD_KAFKA_RESP_ERR__FATAL, let client, let cause = fatalCause(of: client) { text = cause }
      callbacks.onError(KafkaError(code, reason: text))
    }

  static let statistics:
    @convention(c) (OpaquePointer?, UnsafeMutablePointer<CChar>?, Int, UnsafeMutableRawPointer?) -> Int32 = {
      _, json, length, context in
      if let callbacks = from(context), let json {
        let bytes = UnsafeRawBufferPointer(start: json, count: length)
        callbacks.onStatistics(String(decoding: bytes, as: UTF8.self))
      }
      return 0  // librdkafka frees the text
    }

  static let rebalance:
    @convention(c) (
      OpaquePointer?, rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
      UnsafeMutableRawPointer?
    ) -> Void = { client, code, partitions, context in
      guard let client, let callbacks = from(context) else { return }
      callbacks.onRebalance(client, code, partitions)
    }

  static let commit:
    @convention(c) (
      OpaquePointer?, rd_kafka_resp_err_t, UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
      UnsafeMutableRawPointer?
    ) -> Void = { _, code, _, context in
      // With nothing to commit there is nothing wrong.
      let failed = code != RD_KAFKA_RESP_ERR_NO_ERROR && code != RD_KAFKA_RESP_ERR__NO_OFFSET
      from(context)?.onCommit(failed ? KafkaError(code) : nil)
    }
}
