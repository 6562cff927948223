internal import HTTPServer
internal import TimeSeries

/// The JSON envelope of the Prometheus HTTP API, and what refusals look like in it.
enum Answer {
  static let json = "application/json"

  /// `{"status":"success","data":…}`, with `warnings` when there are any.
  static func success(warnings: [String] = [], _ data: (inout ByteWriter) -> Void) -> Response {
    var writer = ByteWriter(capacity: 1 << 12)
    writer.append("{\"status\":\"success\",\"data\":")
    data(&writer)
    close(&writer, warnings: warnings)
    return .bytes(writer.copy(), contentType: json)
  }

  /// Ends an envelope whose data has been written.
  static func close(_ writer: inout ByteWriter, warnings: [String]) {
    if !warnings.isEmpty {
      writer.append(",\"warnings\":[")
      for (i, warning) in warnings.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(json: warning)
      }
      writer.append("]")
    }
    writer.append("}")
  }

  static func strings(_ strings: [String], warnings: [String] = []) -> Response {
    success(warnings: warnings) { $0.append(json: strings) }
  }

  /// The error types of the API (`web/api/v1/api.go`).
  enum ErrorType: String, CaseIterable {
    case badData = "bad_data"
    case execution, canceled, timeout, `internal`
    case notFound = "not_found"
    case notAcceptable = "not_acceptable"
    case unavailable

    /// Its status (`getDefaultErrorCode`).
    var status: Int {
      switch self {
      case .badData: 400
      case .execution: 422
      case .canceled: 499
      case .timeout: 503
      // Prometheus gives no status of its own to what it will not do, so this is the rest's.
      case .internal, .unavailable: 500
      case .notFound: 404
      case .notAcceptable: 406
      }
    }

    /// Of a refusal by the server itself, the nearest one.
    init(status: Int) {
      self =
        switch status {
        case 404: .notFound
        case 406: .notAcceptable
        case 422: .execution
        case 499: .canceled
        case 503: .unavailable
        case 500...: .internal
        default: .badData
        }
    }
  }

  /// `{"status":"error","errorType":…,"error":…}`.
  static func error(_ type: ErrorType, _ message: String) -> Response {
    error(type, message, status: type.status)
  }

  static func error(_ error: HTTPError) -> Response {
    var response = Self.error(ErrorType(status: error.status), error.message, status: error.status)
    for (name, value) in error.headers.fields { response.headers.add(name, value) }
    return response
  }

  /// The same under another status.
  private static func error(_ type: ErrorType, _ message: String, status: Int) -> Response {
    var writer = ByteWriter(capacity: 256)
    writer.append("{\"status\":\"error\"")
    writer.member("errorType", type.rawValue)
    writer.member("error", message)
    writer.append("}")
    return .bytes(writer.copy(), contentType: json, status: status)
  }
}

extension ByteWriter {
  /// Labels as a JSON object, in their order.
  mutating func append(json labels: LabelSet) {
    append("{")
    for (i, label) in labels.labels.enumerated() {
      if i > 0 { append(UInt8(ascii: ",")) }
      append(json: label.name)
      append(UInt8(ascii: ":"))
      append(json: label.value)
    }
    append("}")
  }

  /// `[time,"value"]`.
  mutating func append(pair timestamp: Int64, _ value: Double) {
    append(UInt8(ascii: "["))
    append(seconds: timestamp)
    append(",\"")
    append(value, .json)
    append("\"]")
  }

  /// A JSON string, or `null`.
  mutating func append(json text: String?) {
    if let text { append(json: text) } else { append("null") }
  }

  /// A number, or `null`.
  mutating func append(decimal value: Int64?) {
    if let value { append(decimal: value) } else { append("null") }
  }

  // Members of the JSON object that is open.

  mutating func member(_ name: String, _ value: String?) {
    member(name)
    append(json: value)
  }

  mutating func member(_ name: String, _ value: Int64?) {
    member(name)
    append(decimal: value)
  }

  mutating func member(_ name: String, _ value: Bool) {
    member(name)
    append(value ? "true" : "false")
  }

  mutating func member(_ name: String, _ values: [String]) {
    member(name)
    append(json: values)
  }

  mutating func append(json texts: [String]) {
    append("[")
    for (i, text) in texts.enumerated() {
      if i > 0 { append(",") }
      append(json: text)
    }
    append("]")
  }
}
