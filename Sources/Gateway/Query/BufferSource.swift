public import PromQL
public import SampleBuffer
public import TimeSeries

/// The ring buffer as the query engine reads it.
public struct BufferSource: SampleSource {
  private let buffer: SampleBuffer

  public init(buffer: SampleBuffer) { self.buffer = buffer }

  public func select(
    _ matchers: [Matcher], from start: Int64, through end: Int64
  ) throws(SourceError) -> any SeriesSelection {
    let (tokens, labels) = buffer.select(matchers, from: start, through: end)
    return BufferSelection(buffer: buffer, tokens: tokens, labels: labels)
  }

  public func selectionCost(_ matchers: [Matcher]) -> Int { buffer.selectionCost(matchers) }
}

/// The series of a selector. One that leaves the buffer meanwhile has no more samples.
private struct BufferSelection: SeriesSelection {
  let buffer: SampleBuffer
  let tokens: [SeriesToken]
  let labels: SeriesLabels

  func read(_ range: Range<Int>, from start: Int64, through end: Int64, into run: SampleRun) {
    run.fill { columns, ends in
      buffer.read(
        tokens[range], from: start, through: end, samplesMax: SampleRun.samplesMax, into: &columns, ends: &ends)
    }
  }
}
