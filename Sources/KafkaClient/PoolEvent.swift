/// What the threads of a pool tell its control thread. Events of a client carry the number of its life, so that what a
/// dead one still says is not taken for news of its successor.
enum PoolEvent: Sendable {
  case clientFailed(KafkaError, life: Int)
  case statistics(String, life: Int)
  case group(GroupEvent, life: Int)
  case metadata(Result<ClusterMetadata, KafkaError>, life: Int)
  case located(
    [TopicPartition: Result<Locator.Answer, KafkaError>], leader: Int32, tickets: [TopicPartition: Int], life: Int)
  case probed([TopicPartition: Result<Int64, KafkaError>], leader: Int32, life: Int)
  case readFailed(Partition, KafkaError, offset: Int64)
  /// A worker has applied all that was fetched, while brokers have more.
  case drained
  case nudged([TopicPartition: Result<Int64, KafkaError>], life: Int)
  case detached(worker: Int)
  case stop(Deadline)
}

/// What the control thread lets others see.
struct PublishedState: Sendable {
  struct Holding: Sendable {
    var partition: Partition
    var worker: Int
    var isReading: Bool
    var leader: Int32?
    var error: String?
  }
  var client: Client?
  var holdings: [Holding] = []
  var memberID: String?
  var matchedTopics: [String] = []
  var isAssigned = false
  var rebalances = 0
  var lastRebalanceAt: Int64?
  var trouble: Trouble?
  var errors: [KafkaError.Kind: Int] = [:]
  var lastFailure: ConsumerSnapshot.Failure?
  var brokers: [ConsumerSnapshot.Broker] = []
  var queued: (records: Int, bytes: Int) = (0, 0)
  var gaps = 0
  var recordsLost: Int64 = 0
  var recreations = 0
  /// Of all partitions ever read.
  var known: [Partition] = []
}
