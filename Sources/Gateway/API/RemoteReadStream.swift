internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries
internal import Wire

/// Goes over the series of a query in the order of their labels, leaving out those that have no samples in its range.
/// Samples of one series are in memory at a time, and labels of a few.
final class RemoteReadCursor {
  private static let sliceMax = 64

  private let buffer: SampleBuffer
  private let query: RemoteReadQuery
  private let tokens: [SeriesToken]
  private var position = -1
  /// The labels of some series as protobuf, those of `slice`, and where each of them ends.
  private var labels = ByteWriter()
  private var ends: [Int] = []
  private var slice = 0..<0
  /// The samples of the series that is current.
  private(set) var samples = SampleColumns()

  init(_ buffer: SampleBuffer, _ query: RemoteReadQuery) {
    self.buffer = buffer
    self.query = query
    let isPossible = query.from <= query.through
    tokens =
      isPossible
      ? buffer.sortedByLabels(
        buffer.overlapping(buffer.select(query.matchers), from: query.from, through: query.through)) : []
  }

  /// Goes on to the next series that has samples; false when there is none.
  func next() -> Bool {
    while position + 1 < tokens.count {
      position += 1
      if position >= slice.upperBound { encodeLabels(from: position) }
      guard !labelRange.isEmpty else { continue }  // the series has left the buffer
      samples.removeAll()
      buffer.read(tokens[position], from: query.from, through: query.through, into: &samples)
      if samples.count > 0 { return true }
    }
    return false
  }

  /// Lends the labels of the series that is current, as `RemoteReadLabels` writes them.
  func withLabels<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
    labels.withBytes { body(UnsafeRawBufferPointer(rebasing: $0[labelRange])) }
  }

  private var labelRange: Range<Int> {
    let i = position - slice.lowerBound
    return (i == 0 ? 0 : ends[i - 1])..<ends[i]
  }

  /// Labels are copied out first: reading samples must not happen inside the loan.
  private func encodeLabels(from start: Int) {
    slice = start..<min(start + Self.sliceMax, tokens.count)
    labels.removeAll()
    ends.removeAll(keepingCapacity: true)
    buffer.withLabels(of: tokens[slice]) { _, lent in
      RemoteReadLabels.append(lent, to: &labels)
      ends.append(labels.count)
    }
  }
}

/// The frames of a remote read, made as the client takes them.
///
/// `@unchecked Sendable`: the server never asks for two parts at once.
final class RemoteReadStream: ChunkSource, @unchecked Sendable {
  private static let partBytes = 64 << 10

  private let buffer: SampleBuffer
  private let queries: [RemoteReadQuery]
  private let visit: RemoteRead.Visit
  private let counter: Counter
  private var writer: ChunkedReadWriter
  private var query = 0
  private var cursor: RemoteReadCursor?
  /// Where the next frame of the current series starts; `nil` when all of them have been written.
  private var start: Int?

  init(
    _ buffer: SampleBuffer, _ queries: [RemoteReadQuery], frameBytes: Int, visit: RemoteRead.Visit, _ counter: Counter
  ) {
    self.buffer = buffer
    self.queries = queries
    self.visit = visit
    self.counter = counter
    writer = ChunkedReadWriter(frameBytes: frameBytes)
  }

  func next(into chunk: inout [UInt8]) throws -> Bool {
    var samples = 0
    defer { counter.add(samples) }
    while query < queries.count {
      let cursor = cursor ?? RemoteReadCursor(buffer, queries[query])
      self.cursor = cursor
      while start != nil || cursor.next() {
        let from = start ?? 0
        let through = cursor.withLabels {
          writer.append(labels: $0, cursor.samples, from: from, query: query, to: &chunk)
        }
        samples += through - from
        start = through < cursor.samples.count ? through : nil
        if chunk.count >= Self.partBytes { return true }
      }
      self.cursor = nil
      query += 1
    }
    return false
  }
}
