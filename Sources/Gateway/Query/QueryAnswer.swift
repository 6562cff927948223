internal import HTTPServer
internal import PromQL
internal import TimeSeries

/// A query's result as JSON (`web/api/v1/json_codec.go`).
enum QueryAnswer {
  /// Prometheus tells ten warnings and ten infos, and how many more there were.
  private static let annotationsMax = 10

  /// - Parameters:
  ///   - call: says how many series to tell, and whether statistics were asked for.
  ///   - bytesMax: how long the result may be.
  /// - Returns: `nil` if it is longer. It is looked at series by series, so that no more than one is made in vain.
  static func response(
    _ result: QueryResult, _ call: QueryCall, _ timings: QueryTimings, bytesMax: Int
  ) -> Response? {
    let limit = call.limit
    var warnings = result.warnings
    var writer = ByteWriter(capacity: 1 << 14)
    writer.append("{\"status\":\"success\",\"data\":{")
    writer.member("resultType")
    writer.append(json: result.value.type.rawValue)
    writer.member("result")
    switch result.value {
    case .scalar(let sample): append(sample.timestamp, FloatText.string(sample.value, .plain), to: &writer)
    case .string(let text, let timestamp): append(timestamp, text, to: &writer)
    case .vector(let elements):
      writer.append("[")
      for (i, element) in cut(elements, limit, &warnings).enumerated() {
        writer.append(i > 0 ? ",{\"metric\":" : "{\"metric\":")
        writer.append(json: element.labels)
        writer.append(",\"value\":")
        writer.append(pair: element.sample.timestamp, element.sample.value)
        writer.append("}")
        if writer.count > bytesMax { return nil }
      }
      writer.append("]")
    case .matrix(let series):
      writer.append("[")
      for (i, each) in cut(series, limit, &warnings).enumerated() {
        writer.append(i > 0 ? ",{\"metric\":" : "{\"metric\":")
        writer.append(json: each.labels)
        writer.append(",\"values\":[")
        for (k, sample) in each.samples.enumerated() {
          if k > 0 { writer.append(UInt8(ascii: ",")) }
          writer.append(pair: sample.timestamp, sample.value)
        }
        writer.append("]}")
        if writer.count > bytesMax { return nil }
      }
      writer.append("]")
    }
    if let stats = call.stats {
      if !["true", "all"].contains(stats) {
        warnings.append("stats=\(stats) is deprecated, use stats=true or stats=all")
      }
      append(result.statistics, timings, perStep: stats == "all", call, to: &writer)
    }
    writer.append("}")
    append("warnings", limited(warnings, "warning"), to: &writer)
    append("infos", limited(result.infos, "info"), to: &writer)
    writer.append("}")
    return .bytes(writer.copy(), contentType: Answer.json)
  }

  /// `[time,"text"]`, the time as any number.
  private static func append(_ timestamp: Int64, _ text: String, to writer: inout ByteWriter) {
    writer.append("[")
    writer.append(Double(timestamp) / 1000, .json)
    writer.append(",")
    writer.append(json: text)
    writer.append("]")
  }

  private static func cut<Element>(_ all: [Element], _ limit: Int, _ warnings: inout [String]) -> ArraySlice<Element> {
    guard limit > 0, all.count > limit else { return all[...] }
    warnings.append("results truncated due to limit")
    return all.prefix(limit)
  }

  private static func limited(_ texts: [String], _ kind: String) -> [String] {
    guard texts.count > annotationsMax else { return texts }
    return texts.prefix(annotationsMax) + ["\(texts.count - annotationsMax) more \(kind) annotations omitted"]
  }

  private static func append(_ name: String, _ texts: [String], to writer: inout ByteWriter) {
    guard !texts.isEmpty else { return }
    writer.member(name)
    writer.append("[")
    for (i, text) in texts.enumerated() {
      if i > 0 { writer.append(",") }
      writer.append(json: text)
    }
    writer.append("]")
  }

  /// `stats` as Prometheus has it (`util/stats/query_stats.go`), times in seconds.
  private static func append(
    _ statistics: QueryStatistics, _ timings: QueryTimings, perStep: Bool, _ call: QueryCall,
    to writer: inout ByteWriter
  ) {
    writer.member("stats")
    writer.append("{\"timings\":{")
    let queue = timings.queued
    let times: [(String, Duration)] = [
      ("evalTotalTime", statistics.evalTotalTime), ("resultSortTime", statistics.resultSortTime),
      ("queryPreparationTime", statistics.queryPreparationTime), ("innerEvalTime", statistics.innerEvalTime),
      ("execQueueTime", queue), ("execTotalTime", queue + timings.executed),
    ]
    for (i, (name, time)) in times.enumerated() {
      if i > 0 { writer.append(UInt8(ascii: ",")) }
      writer.append(json: name)
      writer.append(UInt8(ascii: ":"))
      writer.append(time / .seconds(1), .json)
    }
    writer.append("},\"samples\":{")
    for (i, (name, count)) in [
      ("totalQueryableSamples", statistics.totalQueryableSamples), ("samplesRead", statistics.samplesRead),
      ("peakSamples", statistics.peakSamples),
    ].enumerated() {
      if i > 0 { writer.append(UInt8(ascii: ",")) }
      writer.append(json: name)
      writer.append(UInt8(ascii: ":"))
      writer.append(decimal: Int64(count))
    }
    if perStep, !statistics.totalQueryableSamplesPerStep.isEmpty {
      writer.append(",\"totalQueryableSamplesPerStep\":[")
      for (i, count) in statistics.totalQueryableSamplesPerStep.enumerated() {
        writer.append(i > 0 ? ",[" : "[")
        writer.append(seconds: call.start + Int64(i) * call.step)
        writer.append(UInt8(ascii: ","))
        writer.append(decimal: Int64(count))
        writer.append(UInt8(ascii: "]"))
      }
      writer.append(UInt8(ascii: "]"))
    }
    writer.append("}}")
  }
}
