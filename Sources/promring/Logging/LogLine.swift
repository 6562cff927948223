internal import Configuration
internal import Glibc
internal import TimeSeries

/// One log line before it is text.
struct LogLine: Equatable {
  /// Milliseconds since the Unix epoch.
  var timestamp: Int64
  var level: String
  var message: String
  /// In the order in which they are printed.
  var fields: [Field]

  struct Field: Equatable {
    var name: String
    var value: String

    init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The line with each of `secrets` replaced wherever it occurs, and the values of fields that are called like a
  /// secret replaced whole.
  func masking(_ secrets: [String]) -> LogLine {
    func masked(_ text: String) -> String {
      secrets.reduce(text) { $0.contains($1) ? $0.replacing($1, with: KafkaProperty.mask) : $0 }
    }
    var line = self
    line.message = masked(message)
    line.fields = fields.map { field in
      Field(field.name, KafkaProperty.isSecretName(field.name) ? KafkaProperty.mask : masked(field.value))
    }
    return line
  }

  /// The line with its line feed.
  func text(_ format: ServeConfiguration.Log.Format) -> String {
    let time = LogLine.rfc3339(timestamp)
    var writer = ByteWriter(capacity: 256)
    switch format {
    case .logfmt:
      writer.append("ts=\(time) level=\(level) msg=")
      writer.append(logfmt: message)
      for field in uniqueFields {
        writer.append(" ")
        writer.append(String(field.name.map { $0.isLogfmtPlain ? $0 : "_" }))
        writer.append("=")
        writer.append(logfmt: field.value)
      }
    case .json:
      writer.append("{\"ts\":\"\(time)\",\"level\":\"\(level)\",\"msg\":")
      writer.append(json: message)
      for field in uniqueFields {
        writer.append(",")
        writer.append(json: field.name)
        writer.append(":")
        writer.append(json: field.value)
      }
      writer.append("}")
    }
    writer.append("\n")
    return writer.string()
  }

  /// A field that is called like one of the fixed ones gets an underscore, so that no name comes twice.
  private var uniqueFields: [Field] {
    fields.map { ["ts", "level", "msg"].contains($0.name) ? Field($0.name + "_", $0.value) : $0 }
  }

  /// UTC with milliseconds, such as `2026-01-31T23:59:59.042Z`.
  static func rfc3339(_ milliseconds: Int64) -> String {
    let (days, ofDay) = milliseconds.flooredDivision(by: 86_400_000)
    var seconds = time_t(days * 86_400)
    var date = tm()
    gmtime_r(&seconds, &date)
    func padded(_ number: some BinaryInteger, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
    let day = [padded(date.tm_year + 1900, 4), padded(date.tm_mon + 1, 2), padded(date.tm_mday, 2)]
    let clock = [padded(ofDay / 3_600_000, 2), padded(ofDay / 60_000 % 60, 2), padded(ofDay / 1000 % 60, 2)]
    return day.joined(separator: "-") + "T" + clock.joined(separator: ":") + ".\(padded(ofDay % 1000, 3))Z"
  }
}

extension ByteWriter {
  /// A logfmt value: as it is, or as a JSON string where it is empty or holds anything that would end it.
  fileprivate mutating func append(logfmt value: String) {
    if !value.isEmpty, value.allSatisfy(\.isLogfmtPlain) { append(value) } else { append(json: value) }
  }
}

extension Character {
  /// Whether a logfmt reader takes this for part of a word.
  fileprivate var isLogfmtPlain: Bool {
    unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7f && $0 != "\"" && $0 != "=" && $0 != "\\" }
      && !isWhitespace && !isNewline
  }
}

extension Int64 {
  /// Quotient and remainder with the remainder never negative.
  fileprivate func flooredDivision(by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
    let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
    return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
  }
}
