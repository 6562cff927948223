import Foundation

/// CPU seconds of the threads of this process by whose they are, from `/proc/self/task`.
struct ThreadTimes: CustomStringConvertible {
  /// promring's own threads, this one among them.
  var own = 0.0
  /// The thread of a producer that polls librdkafka and hands out delivery reports.
  var reports = 0.0
  /// librdkafka's, and those of its in-process cluster.
  var librdkafka = 0.0

  static var now: ThreadTimes {
    var times = ThreadTimes()
    let folder = "/proc/self/task"
    for thread in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      guard let name = try? String(contentsOfFile: "\(folder)/\(thread)/comm", encoding: .utf8),
        let line = try? String(contentsOfFile: "\(folder)/\(thread)/schedstat", encoding: .utf8),
        let nanoseconds = line.split(separator: " ").first.flatMap({ Double($0) })
      else { continue }
      if name.hasPrefix("rdk:") {
        times.librdkafka += nanoseconds / 1e9
      } else if name.hasPrefix("kafka-producer") {
        times.reports += nanoseconds / 1e9
      } else {
        times.own += nanoseconds / 1e9
      }
    }
    return times
  }

  static func - (a: ThreadTimes, b: ThreadTimes) -> ThreadTimes {
    ThreadTimes(own: a.own - b.own, reports: a.reports - b.reports, librdkafka: a.librdkafka - b.librdkafka)
  }

  var description: String {
    func text(_ seconds: Double) -> String { "\((seconds * 1000).rounded() / 1000) s" }
    return "CPU: own \(text(own)), reports \(text(reports)), librdkafka \(text(librdkafka))"
  }
}
