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
    success(warnings: warnings) { writer in
      writer.append("[")
      for (i, string) in strings.enumerated() {
        if i > 0 { writer.append(",") }
        writer.append(json: string)
      }
      writer.append("]")
    }
  }

  /// `{"status":"error","errorType":…,"error":…}`. The types and their status codes are those of Prometheus
  /// (`web/api/v1/api.go`, getDefaultErrorCode), and for refusals of the server itself the nearest ones.
  static func error(_ error: HTTPError) -> Response {
    var response = self.error(error.status, errorType(error.status), error.message)
    for (name, value) in error.headers.fields { response.headers.add(name, value) }
    return response
  }

  /// The same where the type does not follow from the status.
  static func error(_ status: Int, _ type: String, _ message: String) -> Response {
    var writer = ByteWriter(capacity: 256)
    writer.append("{\"status\":\"error\",\"errorType\":")
    writer.append(json: type)
    writer.append(",\"error\":")
    writer.append(json: message)
    writer.append("}")
    return .bytes(writer.copy(), contentType: json, status: status)
  }

  private static func errorType(_ status: Int) -> String {
    switch status {
    case 404: "not_found"
    case 406: "not_acceptable"
    case 422: "execution"
    case 499: "canceled"
    case 503: "unavailable"
    case 500...: "internal"
    default: "bad_data"
    }
  }
}

extension ByteWriter {
  /// Labels as a JSON object, in their order.
  mutating func append(json labels: UnsafeBufferPointer<LabelBytes>) {
    append("{")
    for (i, label) in labels.enumerated() {
      if i > 0 { append(UInt8(ascii: ",")) }
      append(UInt8(ascii: "\""))
      append(jsonEscaped: label.name)
      append("\":\"")
      append(jsonEscaped: label.value)
      append(UInt8(ascii: "\""))
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
}
