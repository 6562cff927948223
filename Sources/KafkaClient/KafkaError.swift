internal import CRdKafka

/// What librdkafka or a broker answered instead of doing what was asked.
public struct KafkaError: Error, Hashable, Sendable {
  /// The number of `rd_kafka_resp_err_t`: positive ones come from a broker, negative ones from the library.
  public let code: Int32
  /// What went wrong, in librdkafka's words.
  public let reason: String

  init(_ code: rd_kafka_resp_err_t, reason: String? = nil) {
    self.code = code.rawValue
    self.reason = reason ?? String(cString: rd_kafka_err2str(code))
  }

  /// An error by its number, for tests and for seams that answer in librdkafka's place.
  public init(code: Int32, reason: String) {
    self.code = code
    self.reason = reason
  }

  /// librdkafka's short name, as in `_TRANSPORT` or `TOPIC_AUTHORIZATION_FAILED`.
  public var name: String { String(cString: rd_kafka_err2name(rd_kafka_resp_err_t(rawValue: code))) }

  public var kind: Kind { Kind(code: rd_kafka_resp_err_t(rawValue: code)) }

  /// Errors by what is to be done about them.
  public enum Kind: String, Hashable, Sendable, CaseIterable {
    /// Heals by itself: the client tries again forever. Count it.
    case transient
    /// User, password, mechanism or certificate refused. The client tries again, an operator has to act.
    case credentials
    /// A right is missing on a topic, a group or the cluster.
    case authorisation
    /// The topic or partition does not exist. It may appear later.
    case topic
    /// The offset is no longer, or not yet, in the partition: read on elsewhere and count the gap.
    case position
    /// Membership of the group was lost; joining again is automatic.
    case group
    /// Bytes that cannot be decoded, or are too many: skip and count.
    case data
    /// The handle is dead: only destroying and creating it again helps.
    case fatal
    /// A local queue is full: come back later.
    case backPressure = "back_pressure"
    case other
  }
}

extension KafkaError: CustomStringConvertible {
  public var description: String { "\(reason) (\(name))" }
}

extension KafkaError.Kind {
  init(code: rd_kafka_resp_err_t) {
    self =
      switch code {
      case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__RESOLVE, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, RD_KAFKA_RESP_ERR__WAIT_COORD,
        RD_KAFKA_RESP_ERR__RETRY, RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS, RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        RD_KAFKA_RESP_ERR_NOT_COORDINATOR, RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
        .transient
      case RD_KAFKA_RESP_ERR__SSL, RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM, RD_KAFKA_RESP_ERR_ILLEGAL_SASL_STATE:
        .credentials
      case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
        .authorisation
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
        .topic
      case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET,
        RD_KAFKA_RESP_ERR__NO_OFFSET:
        .position
      case RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED, RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
        RD_KAFKA_RESP_ERR_GROUP_MAX_SIZE_REACHED, RD_KAFKA_RESP_ERR_INCONSISTENT_GROUP_PROTOCOL,
        RD_KAFKA_RESP_ERR_INVALID_SESSION_TIMEOUT:
        .group
      case RD_KAFKA_RESP_ERR__BAD_MSG, RD_KAFKA_RESP_ERR__BAD_COMPRESSION, RD_KAFKA_RESP_ERR_INVALID_MSG,
        RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
        .data
      case RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
        RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER:
        .fatal
      case RD_KAFKA_RESP_ERR__QUEUE_FULL:
        .backPressure
      default:
        .other
      }
  }
}
