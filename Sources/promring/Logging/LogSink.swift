internal import Configuration
internal import Glibc
internal import Logging
internal import Synchronization

/// Where log lines go: writes each in one piece, whatever thread it comes from, with known secrets masked.
final class LogSink: Sendable {
  let format: ServeConfiguration.Log.Format
  /// Longest first, so that a secret within another does not leave the rest of the longer one readable.
  private let secrets: [String]
  private let write: @Sendable (String) -> Void
  private let turn = Mutex<Void>(())

  /// - Parameter secrets: texts that never appear in a line; those below 4 bytes would tear up ordinary words and are
  ///   left out.
  init(
    format: ServeConfiguration.Log.Format, secrets: some Sequence<String> = [],
    write: @escaping @Sendable (String) -> Void = StandardError.write
  ) {
    self.format = format
    self.secrets = secrets.filter { $0.utf8.count >= 4 }.sorted { $0.utf8.count > $1.utf8.count }
    self.write = write
  }

  /// Makes every `Logger` of the process write here. Once for a process.
  static func bootstrap(_ configuration: ServeConfiguration) {
    let sink = LogSink(format: configuration.log.format, secrets: configuration.secrets)
    let level = Logger.Level(configuration.log.level)
    LoggingSystem.bootstrap { label in LineLogHandler(label: label, level: level, sink: sink) }
  }

  func write(_ line: LogLine) {
    let text = line.masking(secrets).text(format)
    turn.withLock { _ in write(text) }
  }
}

extension ServeConfiguration {
  /// Values that must not appear anywhere. User names and paths of keys are masked where settings are shown, but too
  /// ordinary to be searched for in every line.
  var secrets: [String] {
    kafka.properties.compactMap { name, property in
      let ordinary = property.file == nil && ["sasl.username", "ssl.key.location"].contains(name)
      return property.isSecret(as: name) && !ordinary ? property.value : nil
    }
  }
}

extension Logger.Level {
  init(_ level: ServeConfiguration.Log.Level) {
    self =
      switch level {
      case .trace: .trace
      case .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      case .critical: .critical
      }
  }
}

enum StandardError {
  /// Writes all of `text`; what a closed or full descriptor does not take is lost, as there is nobody left to tell.
  @Sendable static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in
      var rest = UnsafeRawBufferPointer(bytes)
      while let start = rest.baseAddress, !rest.isEmpty {
        let count = Glibc.write(STDERR_FILENO, start, rest.count)
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return }
        rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      }
    }
  }
}
