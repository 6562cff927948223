internal import CRdKafka

/// One partition of one topic.
public struct TopicPartition: Hashable, Sendable {
  public let topic: String
  public let partition: Int32

  public init(_ topic: String, _ partition: Int32) {
    self.topic = topic
    self.partition = partition
  }
}

extension TopicPartition: Comparable, CustomStringConvertible {
  public static func < (a: TopicPartition, b: TopicPartition) -> Bool {
    a.topic == b.topic ? a.partition < b.partition : a.topic < b.topic
  }

  /// As in `metrics[3]`.
  public var description: String { "\(topic)[\(partition)]" }
}

/// librdkafka's list of partitions, each with an offset.
struct PartitionList: ~Copyable {
  let raw: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

  init(_ partitions: some Collection<TopicPartition>, offset: Int64 = Offset.invalid) {
    raw = rd_kafka_topic_partition_list_new(Int32(partitions.count))
    for partition in partitions { add(partition, offset: offset) }
  }

  deinit { rd_kafka_topic_partition_list_destroy(raw) }

  func add(_ partition: TopicPartition, offset: Int64) {
    rd_kafka_topic_partition_list_add(raw, partition.topic, partition.partition).pointee.offset = offset
  }
}

extension UnsafeMutablePointer<rd_kafka_topic_partition_list_t> {
  /// What the list says of each partition.
  func map<R>(_ body: (rd_kafka_topic_partition_t, TopicPartition) -> R) -> [R] {
    (0..<Int(pointee.cnt)).map { i in
      let element = pointee.elems[i]
      return body(element, TopicPartition(String(cString: element.topic), element.partition))
    }
  }
}

/// librdkafka's offsets that are no positions. As timestamps of a `ListOffsets` request the first two mean the same.
enum Offset {
  /// The first offset that the partition still has.
  static let beginning: Int64 = -2
  /// The offset that the next record will get; with `read_committed`, the first offset of the oldest open transaction.
  static let end: Int64 = -1
  static let invalid: Int64 = -1001
}
