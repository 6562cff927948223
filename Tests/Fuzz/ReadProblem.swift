import TimeSeries

@testable import Wire

/// What is wrong with how a request of remote read is decoded, if anything: any bytes give queries within the limits or an
/// error that names a place, and what was understood is the same when it is written anew.
func problemOfRead(_ body: [UInt8]) -> String? {
  let request: ReadRequest
  do throws(ProtobufError) {
    request = try ReadRequest(body)
  } catch {
    return (0...body.count).contains(error.byte) ? nil : "an error at byte \(error.byte) of \(body.count)"
  }
  let matchers = request.queries.reduce(0) { $0 + $1.matchers.count }
  if request.queries.count > ReadRequest.queriesMax || matchers > ReadRequest.matchersMax {
    return "\(request.queries.count) queries with \(matchers) matchers"
  }
  for query in request.queries {
    for matcher in query.matchers {
      if let made = try? matcher.matcher() { _ = made.matches("value") }
    }
  }
  guard let again = try? ReadRequest(written(request)) else { return "does not read back" }
  if again.responseType != request.responseType { return "another response type when it is read back" }
  return "\(again.queries)" == "\(request.queries)" ? nil : "reads back as \(again.queries)"
}

private func written(_ request: ReadRequest) -> [UInt8] {
  var body = ByteWriter(capacity: 64)
  func message(_ fill: (inout ByteWriter) -> Void) -> [UInt8] {
    var writer = ByteWriter(capacity: 64)
    fill(&writer)
    return writer.copy()
  }
  func append(_ field: UInt8, _ bytes: [UInt8], to writer: inout ByteWriter) {
    bytes.withUnsafeBytes { writer.append(field: field, $0) }
  }
  for query in request.queries {
    let content = message { writer in
      writer.append(field: 1, query.start)
      writer.append(field: 2, query.end)
      for matcher in query.matchers {
        let content = message { writer in
          let type = Matcher.Operation.allCases.firstIndex(of: matcher.operation) ?? 0
          writer.append(field: 1, UInt64(type))
          append(2, Array(matcher.name.utf8), to: &writer)
          append(3, Array(matcher.value.utf8), to: &writer)
        }
        append(3, content, to: &writer)
      }
    }
    append(1, content, to: &body)
  }
  // Packed, as a zero that stands alone would be left out.
  append(2, [UInt8(truncatingIfNeeded: request.responseType?.rawValue ?? 9)], to: &body)
  return body.copy()
}
