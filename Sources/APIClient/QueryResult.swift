public import Foundation
public import TimeSeries

/// The answer to a query or to a request for samples.
public struct QueryResult: Sendable {
  /// A value at a time: Unix seconds, and the value as the server wrote it.
  public struct Point: Equatable, Sendable {
    public let seconds: Double
    public let text: String

    public init(seconds: Double, text: String) {
      self.seconds = seconds
      self.text = text
    }
  }

  public struct Series: Equatable, Sendable {
    public let labels: LabelSet
    public let points: [Point]

    public init(labels: LabelSet, points: [Point]) {
      self.labels = labels
      self.points = points
    }
  }

  public enum Value: Sendable {
    /// One point each.
    case vector([Series])
    case matrix([Series])
    case scalar(Point)
    case string(Point)
  }

  public let value: Value
  public let warnings: [String]
  public let infos: [String]

  /// Reads an answer of `/api/v1/query`, `/api/v1/query_range` or `/api/v1/samples`.
  public init(json: Data) throws(APIError) {
    do {
      let answer = try JSONDecoder().decode(Answer.self, from: json)
      value = answer.data.value
      warnings = answer.warnings ?? []
      infos = answer.infos ?? []
    } catch {
      throw .answer("this is no answer of the Prometheus API: \(QueryResult.reason(error))")
    }
  }

  private static func reason(_ error: any Error) -> String {
    guard case DecodingError.dataCorrupted(let context) = error else { return "\(error)" }
    return context.debugDescription
  }
}

// MARK: JSON

private struct Answer: Decodable {
  let data: Contents
  let warnings: [String]?
  let infos: [String]?
}

private struct Contents: Decodable {
  let value: QueryResult.Value

  enum Key: CodingKey { case resultType, result }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    switch try fields.decode(String.self, forKey: .resultType) {
    case "vector":
      value = .vector(try fields.decode([Element].self, forKey: .result).map(\.series))
    case "matrix":
      value = .matrix(try fields.decode([Element].self, forKey: .result).map(\.series))
    case "scalar": value = .scalar(try fields.decode(Pair.self, forKey: .result).point)
    case "string": value = .string(try fields.decode(Pair.self, forKey: .result).point)
    case let type:
      throw DecodingError.dataCorruptedError(
        forKey: .resultType, in: fields, debugDescription: "a result of type \(type)")
    }
  }
}

private struct Element: Decodable {
  let metric: [String: String]
  let value: Pair?
  let values: [Pair]?

  var series: QueryResult.Series {
    QueryResult.Series(
      labels: LabelSet(metric.map { Label($0.key, $0.value) }),
      points: (values ?? value.map { [$0] } ?? []).map(\.point))
  }
}

/// `[1698732973.354, "1"]`
private struct Pair: Decodable {
  let point: QueryResult.Point

  init(from decoder: any Decoder) throws {
    var fields = try decoder.unkeyedContainer()
    let seconds = try fields.decode(Double.self)
    point = QueryResult.Point(seconds: seconds, text: try fields.decode(String.self))
  }
}

/// A line of `/api/v1/samples/stream` in NDJSON.
public enum StreamLine: Decodable, Equatable, Sendable {
  case sample(LabelSet, QueryResult.Point)
  /// So many were left out for a client that did not keep up.
  case missed(Int)

  enum Key: CodingKey { case metric, value, missed }

  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Key.self)
    if let count = try fields.decodeIfPresent(Int.self, forKey: .missed) {
      self = .missed(count)
    } else {
      let series = try Element(from: decoder).series
      guard let point = series.points.first else {
        throw DecodingError.dataCorruptedError(forKey: .value, in: fields, debugDescription: "no value")
      }
      self = .sample(series.labels, point)
    }
  }
}
