public import Wire

/// Whom a request is for.
public enum WriteAddress: Sendable, Hashable {
  /// Every task that is started and takes remote writes.
  case everyTask
  case task(String, source: String?)
}

/// What became of a request of remote write.
public struct WriteOutcome: Sendable {
  public enum Verdict: Sendable, Equatable {
    /// Everything that passed the filters is acknowledged by Kafka.
    case delivered
    /// Nothing is there by this name.
    case unknown(String)
    /// Never to be sent again: malformed, or refused for good, at least in part.
    case refused(String)
    /// More than can ever be held.
    case tooLarge(String)
    /// To be sent again, after so many seconds.
    case unavailable(String, retryAfter: Int)
  }

  public var verdict: Verdict
  /// Samples that were taken, those that no filter let through among them.
  public var samplesWritten = 0
  /// What the request held.
  public var tally = RemoteWriteTally()
}
