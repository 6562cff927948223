internal import Configuration
internal import Glibc
internal import Logging

/// swift-log's way to us: one line for each event, in logfmt or JSON, to standard error.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  var logLevel: Logger.Level
  private let label: String
  private let sink: LogSink
  private let now: @Sendable () -> Int64

  /// - Parameter now: milliseconds since the Unix epoch.
  init(label: String, level: Logger.Level, sink: LogSink, now: @escaping @Sendable () -> Int64 = LineLogHandler.clock) {
    self.label = label
    self.logLevel = level
    self.sink = sink
    self.now = now
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let all = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
    var fields = [LogLine.Field("component", label)]
    fields += all.sorted { $0.key < $1.key }.map { LogLine.Field($0.key, "\($0.value)") }
    if let error = event.error { fields.append(LogLine.Field("error", "\(error)")) }
    sink.write(
      LogLine(timestamp: now(), level: event.level.rawValue, message: event.message.description, fields: fields))
  }

  @Sendable static func clock() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
}
