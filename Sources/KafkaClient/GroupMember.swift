internal import CRdKafka

/// What a consumer group tells its member.
enum GroupEvent: Sendable {
  /// All of the share when not `incremental`, what is new in it otherwise.
  case assigned([TopicPartition], incremental: Bool)
  case revoked([TopicPartition], incremental: Bool)
  case failed(KafkaError)
  case commitFailed(KafkaError)
}

/// The membership in a consumer group, and nothing else: it tells which partitions are ours and commits offsets for lag
/// monitors to see. It fetches no record: its partitions are paused, the reading is done by another client.
///
/// Kept apart, a rebalance does not touch partitions that stay with us (the eager assignors, the only sound ones before
/// librdkafka 2.6.1, would stop and restart all of them), no lookup of offsets ever delays the group's protocol, and
/// neither client can take the other one down.
///
/// Everything but ``close(committing:)`` happens on the control thread.
final class GroupMember: Sendable {
  private let client: Client

  /// - Parameter report: called on the thread that polls or closes.
  init(
    _ group: String, settings: ClientSettings, topics: TopicSelection, defaults: [(String, String)],
    report: @escaping @Sendable (GroupEvent) -> Void
  ) throws(SettingsError) {
    let callbacks = ClientCallbacks(
      log: settings.log,
      onError: { report(.failed($0)) },
      onRebalance: { client, code, partitions in
        GroupMember.answer(client, code, partitions, report)
      },
      onCommit: { error in
        if let error { report(.commitFailed(error)) }
      })
    client = try Client(
      RD_KAFKA_CONSUMER, settings,
      defaults: defaults + [("partition.assignment.strategy", GroupMember.assignor)],
      fixed: [
        ("group.id", group), ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"),
        ("auto.offset.reset", "latest"), ("statistics.interval.ms", "0"),
      ],
      callbacks: callbacks, rebalances: true)
    rd_kafka_poll_set_consumer(client.handle)
    let wanted = PartitionList((topics.names + topics.patterns).map { TopicPartition($0, -1) })
    let code = rd_kafka_subscribe(client.handle, wanted.raw)
    if code != RD_KAFKA_RESP_ERR_NO_ERROR {
      client.close()
      throw .refused(reason: "cannot subscribe: \(KafkaError(code))")
    }
  }

  /// Cooperative assignment crashes and loops in librdkafka before 2.6.1 (its CHANGELOG).
  static var assignor: String { rd_kafka_version() >= 0x0206_01ff ? "cooperative-sticky" : "roundrobin,range" }

  /// Serves callbacks. Never blocks.
  func poll() -> KafkaError? {
    guard let message = rd_kafka_consumer_poll(client.handle, 0) else { return nil }
    defer { rd_kafka_message_destroy(message) }
    // A record may slip in between assignment and pause: the reader has it too.
    guard message.pointee.err != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
    let text = rd_kafka_message_errstr(message).map { String(cString: $0) }
    return KafkaError(message.pointee.err, reason: text)
  }

  var memberID: String? {
    guard let id = rd_kafka_memberid(client.handle) else { return nil }
    defer { rd_kafka_mem_free(client.handle, id) }
    return id.pointee == 0 ? nil : String(cString: id)
  }

  /// Asks for these positions to be recorded; how it went comes as an event, if it went wrong.
  func commit(_ positions: [TopicPartition: Int64]) {
    guard !positions.isEmpty else { return }
    let list = PartitionList([])
    for (partition, position) in positions { list.add(partition, offset: position) }
    let code = rd_kafka_commit(client.handle, list.raw, 1)
    // Before the first assignment, or without coordinator, there is nobody to tell; the next round does.
    _ = code
  }

  /// Commits, leaves the group and destroys the client. Takes about a session timeout when the coordinator is away, so
  /// call it on a thread that nobody has to wait for.
  func close(committing positions: [TopicPartition: Int64]) {
    commit(positions)
    rd_kafka_consumer_close(client.handle)
    client.close()
  }

  private static func answer(
    _ client: OpaquePointer, _ code: rd_kafka_resp_err_t,
    _ partitions: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
    _ report: (GroupEvent) -> Void
  ) {
    let named = partitions?.map { _, partition in partition } ?? []
    let incremental = rd_kafka_rebalance_protocol(client).map { String(cString: $0) } == "COOPERATIVE"
    switch code {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
      // From the end on, so that nothing is fetched before the pause takes hold.
      let list = PartitionList(named, offset: Offset.end)
      if incremental {
        check(rd_kafka_incremental_assign(client, list.raw), report)
      } else {
        check(rd_kafka_assign(client, list.raw), report)
      }
      rd_kafka_pause_partitions(client, list.raw)
      report(.assigned(named, incremental: incremental))
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
      if incremental, let partitions {
        check(rd_kafka_incremental_unassign(client, partitions), report)
      } else {
        check(rd_kafka_assign(client, nil), report)
      }
      report(.revoked(named, incremental: incremental))
    default:
      check(rd_kafka_assign(client, nil), report)
      report(.revoked(named, incremental: false))
      report(.failed(KafkaError(code)))
    }
  }

  private static func check(_ code: rd_kafka_resp_err_t, _ report: (GroupEvent) -> Void) {
    if code != RD_KAFKA_RESP_ERR_NO_ERROR { report(.failed(KafkaError(code))) }
  }

  private static func check(_ error: OpaquePointer?, _ report: (GroupEvent) -> Void) {
    guard let error else { return }
    report(.failed(KafkaError(rd_kafka_error_code(error), reason: String(cString: rd_kafka_error_string(error)))))
    rd_kafka_error_destroy(error)
  }
}
