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
    BufferSelection(buffer, buffer.overlapping(buffer.select(matchers), from: start, through: end))
  }
}

/// The series of a selector, their labels copied once. A series that leaves the buffer meanwhile has no more samples.
private final class BufferSelection: SeriesSelection {
  private let buffer: SampleBuffer
  private let tokens: [SeriesToken]
  private let texts: [UInt8]
  /// Of each series, where its labels begin in `spans`; one more at the end.
  private let starts: [Int32]
  /// Ends of name and value in `texts`, label by label.
  private let spans: [(name: Int32, value: Int32)]

  init(_ buffer: SampleBuffer, _ tokens: [SeriesToken]) {
    var texts: [UInt8] = []
    var starts: [Int32] = []
    var spans: [(name: Int32, value: Int32)] = []
    starts.reserveCapacity(tokens.count + 1)
    buffer.withLabelsInSlices(of: tokens) { _, labels in
      starts.append(Int32(spans.count))
      for label in labels {
        texts.append(contentsOf: label.name)
        let name = Int32(texts.count)
        texts.append(contentsOf: label.value)
        spans.append((name, Int32(texts.count)))
      }
    }
    starts.append(Int32(spans.count))
    self.buffer = buffer
    self.tokens = tokens
    self.texts = texts
    self.starts = starts
    self.spans = spans
  }

  var count: Int { tokens.count }

  func withLabels<R>(of index: Int, _ body: (UnsafeBufferPointer<LabelBytes>) -> R) -> R {
    let range = Int(starts[index])..<Int(starts[index + 1])
    return texts.withUnsafeBytes { texts in
      withUnsafeTemporaryAllocation(of: LabelBytes.self, capacity: range.count) { labels in
        var start = range.lowerBound == 0 ? 0 : Int(spans[range.lowerBound - 1].value)
        for (k, i) in range.enumerated() {
          let (name, value) = (Int(spans[i].name), Int(spans[i].value))
          labels[k] = LabelBytes(
            name: UnsafeRawBufferPointer(rebasing: texts[start..<name]),
            value: UnsafeRawBufferPointer(rebasing: texts[name..<value]))
          start = value
        }
        return body(UnsafeBufferPointer(labels))
      }
    }
  }

  func read(_ index: Int, from start: Int64, through end: Int64, into columns: inout SampleRun) {
    var samples = SampleColumns()
    buffer.read(tokens[index], from: start, through: end, into: &samples)
    columns.append(most: samples.count) { timestamps, values in
      timestamps.update(from: samples.timestamps, count: samples.count)
      values.update(from: samples.values, count: samples.count)
      return samples.count
    }
  }
}
