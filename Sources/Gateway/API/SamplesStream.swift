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
  /// The series after the current one.
  private var next = 0
  private var samplesLeft: Int
  private var isCut = false
  private var hasSeries = false
  /// Of the current series: its samples, how many of them are wanted, and how many have been written.
  private var columns = SampleColumns()
  private var taken = 0
  private var written = 0
  private var labels = 0..<0
  private var writer = ByteWriter(capacity: 96 << 10)
  /// The labels of some series that follow each other, the last of which is before `labelled`.
  private var labelTexts = ByteWriter()
  private var labelEnds: [Int] = []
  private var labelled = 0
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

  /// However long a series is, no more than a part of its text is made at a time: a slow reader may let it lie for long.
  func next(into chunk: inout [UInt8]) throws -> Bool {
    while writer.count < Self.partBytes, written < taken || openNextSeries() { writeSamples() }
    let isLast = written == taken && (next == request.tokens.count || isCut)
    if isLast, request.format == .json {
      writer.append("]}")
      Answer.close(&writer, warnings: isCut ? ["results truncated due to limit"] : [])
    }
    writer.withBytes { chunk.append(contentsOf: $0) }
    writer.removeAll()
    return !isLast
  }

  /// Reads the next series that has samples; false when there is none, or none may follow.
  private func openNextSeries() -> Bool {
    while next < request.tokens.count, !isCut {
      if next == labelled { takeLabels() }
      let slot = next - (labelled - labelEnds.count)
      labels = (slot == 0 ? 0 : labelEnds[slot - 1])..<labelEnds[slot]
      let token = request.tokens[next]
      next += 1
      guard !labels.isEmpty else { continue }
      columns.removeAll()
      buffer.read(token, from: request.from, through: request.through, into: &columns)
      guard columns.count > 0 else { continue }
      if samplesLeft == 0 {
        isCut = true
        return false
      }
      taken = min(columns.count, samplesLeft)
      written = 0
      isCut = taken < columns.count
      if samplesLeft != .max { samplesLeft -= taken }
      return true
    }
    return false
  }

  /// Labels are copied out first: reading samples must not happen inside the loan.
  private func takeLabels() {
    let range = next..<min(next + Self.sliceMax, request.tokens.count)
    labelTexts.removeAll()
    labelEnds.removeAll(keepingCapacity: true)
    buffer.withLabelsAndChanges(of: request.tokens[range]) { _, labels, changes in
      if request.format == .csv {
        if !labels.isEmpty { labelTexts.append(csv: LabelSet(copying: labels).description) }
      } else if !labels.isEmpty {
        objects.append(labels, changes, to: &labelTexts)
      }
      labelEnds.append(labelTexts.count)
    }
    labelled = range.upperBound
  }

  /// Writes samples of the current series until it ends or the part is full.
  private func writeSamples() {
    labelTexts.withBytes { texts in
      write(UnsafeRawBufferPointer(rebasing: texts[labels]))
    }
  }

  private func write(_ labels: UnsafeRawBufferPointer) {
    if request.format == .json, written == 0 {
      writer.append(hasSeries ? ",{\"metric\":" : "{\"metric\":")
      writer.append(labels)
      writer.append(",\"values\":[")
    }
    while written < taken, writer.count < Self.partBytes {
      let i = request.order == .oldest ? written : columns.count - 1 - written
      let (timestamp, value) = (columns.timestamps[i], columns.values[i])
      switch request.format {
      case .json:
        if written > 0 { writer.append(UInt8(ascii: ",")) }
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
      written += 1
    }
    guard written == taken else { return }
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
