internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

/// `/api/v1/samples`: the raw samples of series, series by series, in parts, so that a whole window costs no memory.
///
/// `@unchecked Sendable`: the server never asks for two parts at once.
final class SamplesStream: ChunkSource, @unchecked Sendable {
  enum Format: String, CaseIterable {
    case json, ndjson, csv

    var contentType: String {
      switch self {
      case .json: Answer.json
      case .ndjson: "application/x-ndjson"
      case .csv: "text/csv; charset=utf-8"
      }
    }
  }

  enum Order: String, CaseIterable {
    case oldest, newest
  }

  struct Request {
    var tokens: [SeriesToken]
    /// Milliseconds, both ends included.
    var from: Int64
    var through: Int64
    /// Samples in all; 0 = no limit.
    var limit: Int
    var order: Order
    var format: Format
  }

  private static let partBytes = 64 << 10
  private static let sliceMax = 64

  private let buffer: SampleBuffer
  private let request: Request
  private var next = 0
  private var samplesLeft: Int
  private var isCut = false
  private var hasSeries = false
  private var columns = SampleColumns()
  private var writer = ByteWriter(capacity: 96 << 10)
  private var labelTexts = ByteWriter()
  private var objects = JSONLabels()

  init(_ buffer: SampleBuffer, _ request: Request) {
    self.buffer = buffer
    self.request = request
    samplesLeft = request.limit == 0 ? .max : request.limit
    switch request.format {
    case .json: writer.append("{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":[")
    case .csv: writer.append("timestamp,value,series\n")
    case .ndjson: break
    }
  }

  func next(into chunk: inout [UInt8]) throws -> Bool {
    while writer.count < Self.partBytes, next < request.tokens.count, !isCut {
      let end = min(next + Self.sliceMax, request.tokens.count)
      writeSlice(next..<end)
      next = end
    }
    let isLast = next == request.tokens.count || isCut
    if isLast, request.format == .json {
      writer.append("]}")
      Answer.close(&writer, warnings: isCut ? ["results truncated due to limit"] : [])
    }
    writer.withBytes { chunk.append(contentsOf: $0) }
    writer.removeAll()
    return !isLast
  }

  /// Labels are copied out first: reading samples must not happen inside the loan.
  private func writeSlice(_ range: Range<Int>) {
    labelTexts.removeAll()
    var ends: [Int] = []
    buffer.withLabelsAndChanges(of: request.tokens[range]) { _, labels, changes in
      if request.format == .csv {
        if !labels.isEmpty { labelTexts.append(csv: LabelSet(copying: labels).description) }
      } else if !labels.isEmpty {
        objects.append(labels, changes, to: &labelTexts)
      }
      ends.append(labelTexts.count)
    }
    labelTexts.withBytes { texts in
      var start = 0
      for (i, end) in zip(range, ends) where !isCut {
        if end > start {
          write(request.tokens[i], UnsafeRawBufferPointer(rebasing: texts[start..<end]))
        }
        start = end
      }
    }
  }

  private func write(_ token: SeriesToken, _ labels: UnsafeRawBufferPointer) {
    columns.removeAll()
    buffer.read(token, from: request.from, through: request.through, into: &columns)
    guard columns.count > 0 else { return }
    if samplesLeft == 0 {
      isCut = true
      return
    }
    let taken = min(columns.count, samplesLeft)
    isCut = taken < columns.count
    if samplesLeft != .max { samplesLeft -= taken }
    if request.format == .json {
      writer.append(hasSeries ? ",{\"metric\":" : "{\"metric\":")
      writer.append(labels)
      writer.append(",\"values\":[")
    }
    for k in 0..<taken {
      let i = request.order == .oldest ? k : columns.count - 1 - k
      let (timestamp, value) = (columns.timestamps[i], columns.values[i])
      switch request.format {
      case .json:
        if k > 0 { writer.append(UInt8(ascii: ",")) }
        writer.append(pair: timestamp, value)
      case .ndjson:
        writer.append("{\"metric\":")
        writer.append(labels)
        writer.append(",\"value\":")
        writer.append(pair: timestamp, value)
        writer.append("}\n")
      case .csv:
        writer.append(seconds: timestamp)
        writer.append(UInt8(ascii: ","))
        writer.append(value, .json)
        writer.append(UInt8(ascii: ","))
        writer.append(labels)
        writer.append(UInt8(ascii: "\n"))
      }
    }
    if request.format == .json { writer.append("]}") }
    hasSeries = true
  }
}

extension ByteWriter {
  /// A field of RFC 4180, in quotes.
  fileprivate mutating func append(csv text: String) {
    append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      if byte == UInt8(ascii: "\"") { append(byte) }
      append(byte)
    }
    append(UInt8(ascii: "\""))
  }
}
