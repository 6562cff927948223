internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

/// `/api/v1/series`: the labels of series, in parts, so that a hundred thousand of them cost no memory.
///
/// `@unchecked Sendable`: the server never asks for two parts at once.
final class SeriesStream: ChunkSource, @unchecked Sendable {
  private static let partBytes = 128 << 10
  private static let sliceMax = 256

  private let buffer: SampleBuffer
  private let tokens: [SeriesToken]
  private let warnings: [String]
  private var next = 0
  private var hasSeries = false
  private var writer = ByteWriter(capacity: 192 << 10)
  private var texts = JSONLabels()

  init(_ buffer: SampleBuffer, _ tokens: [SeriesToken], warnings: [String]) {
    self.buffer = buffer
    self.tokens = tokens
    self.warnings = warnings
    writer.append("{\"status\":\"success\",\"data\":[")
  }

  func next(into chunk: inout [UInt8]) throws -> Bool {
    while writer.count < Self.partBytes, next < tokens.count {
      let end = min(next + Self.sliceMax, tokens.count)
      buffer.withLabelsAndChanges(of: tokens[next..<end]) { _, labels, changes in
        guard !labels.isEmpty else { return }
        if hasSeries { writer.append(UInt8(ascii: ",")) }
        hasSeries = true
        texts.append(labels, changes, to: &writer)
      }
      next = end
    }
    let isLast = next == tokens.count
    if isLast {
      writer.append(UInt8(ascii: "]"))
      Answer.close(&writer, warnings: warnings)
    }
    writer.withBytes { chunk.append(contentsOf: $0) }
    writer.removeAll()
    return !isLast
  }
}
