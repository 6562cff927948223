internal import Foundation
internal import KafkaClient

/// Whether answers are complete: the truth behind `/-/ready`.
struct Readiness: Sendable {
  enum State: String, Sendable {
    case starting, replaying, ready, trouble, stopping
  }

  struct Cause: Sendable {
    /// One line for an operator.
    let reason: String
    /// Milliseconds since the Unix epoch.
    let since: Int64
  }

  let state: State
  let causes: [Cause]
  /// Whether `/-/ready` says 200: trouble counts only when it has lasted longer than the grace time.
  let isReady: Bool

  /// - Parameters:
  ///   - grace: how long trouble may last before it counts, in milliseconds.
  ///   - now: milliseconds since the Unix epoch.
  init(_ snapshot: ConsumerSnapshot, isStopping: Bool, grace: Int64, now: Int64) {
    var causes: [Cause] = []
    if !snapshot.isReplayed {
      let done = snapshot.partitions.count { $0.isReplayed }
      let (read, all) = snapshot.replay
      let reason =
        snapshot.partitions.isEmpty
        ? "starting: no partitions are assigned yet"
        : "replaying: \(done) of \(snapshot.partitions.count) partitions done, \(read) of \(all) records"
      causes.append(Cause(reason: reason, since: snapshot.startedAt))
    }
    if let trouble = snapshot.trouble {
      causes.append(Cause(reason: "kafka: \(trouble)", since: trouble.since))
    }
    self.causes = causes
    let isInTrouble = snapshot.trouble.map { now - $0.since > grace } ?? false
    isReady = snapshot.isReplayed && !isInTrouble && !isStopping
    state =
      isStopping
      ? .stopping
      : snapshot.trouble != nil
        ? .trouble : snapshot.isReplayed ? .ready : snapshot.partitions.isEmpty ? .starting : .replaying
  }

  /// What a probe that is refused reads: a line for each cause.
  var text: String {
    if state == .stopping { return "stopping\n" }
    return causes.map { "\($0.reason), since \(ISO8601.string($0.since))\n" }.joined()
  }
}

/// Moments as RFC 3339 text in UTC, with milliseconds.
enum ISO8601 {
  static func string(_ milliseconds: Int64) -> String {
    Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(
      Date.ISO8601FormatStyle(includingFractionalSeconds: true))
  }
}
