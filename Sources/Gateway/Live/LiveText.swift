internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

/// A sample that is to be told.
struct LiveEvent {
  /// Of its arrival; `nil` for one from the buffer.
  var number: Int?
  var arrival: Arrival

  init(number: Int?, _ arrival: Arrival) {
    self.number = number
    self.arrival = arrival
  }
}

/// How a live stream is written.
enum LiveFormat: String, CaseIterable, Sendable {
  /// Server-sent events (HTML standard, section 9.2).
  case sse
  /// A line of JSON for each sample, as `/api/v1/samples` has them.
  case ndjson

  var contentType: String { self == .sse ? "text/event-stream" : "application/x-ndjson" }

  /// What comes first. A browser that is cut off comes back after a second.
  var greeting: [UInt8] { Array((self == .sse ? "retry: 1000\n\n" : "\n").utf8) }

  /// So that proxies and clients see that the stream is alive: a comment, or an empty line.
  var heartbeat: [UInt8] { Array((self == .sse ? ": heartbeat\n\n" : "\n").utf8) }

  /// How many samples there was no room for.
  func missed(_ samples: Int) -> [UInt8] {
    let data = "{\"missed\":\(samples)}"
    return Array((self == .sse ? "event: missed\ndata: \(data)\n\n" : "\(data)\n").utf8)
  }
}

enum LiveText {
  /// Small enough that a queue which is nearly full still takes some.
  private static let partBytes = 16 << 10
  /// Series whose labels are borrowed from the index at once.
  private static let sliceMax = 256

  /// Writes events and gives them to `send` in parts: the bytes, and how many samples they are. Series that have left
  /// the buffer meanwhile are left out.
  static func write(
    _ events: [LiveEvent], _ format: LiveFormat, _ buffer: SampleBuffer, run: String, _ now: Int64,
    send: ([UInt8], Int) -> Void
  ) {
    var objects = JSONLabels()
    var labelTexts = ByteWriter()
    var writer = ByteWriter(capacity: partBytes * 2)
    var count = 0
    for start in stride(from: 0, to: events.count, by: sliceMax) {
      let slice = events[start..<min(start + sliceMax, events.count)]
      let tokens = slice.map(\.arrival.token)
      labelTexts.removeAll()
      var ends: [Int] = []
      // Labels are copied out first, as the index is locked meanwhile.
      buffer.withLabelsAndChanges(of: tokens[...]) { _, labels, changes in
        if !labels.isEmpty { objects.append(labels, changes, to: &labelTexts) }
        ends.append(labelTexts.count)
      }
      labelTexts.withBytes { texts in
        var labelsStart = 0
        for (event, end) in zip(slice, ends) {
          defer { labelsStart = end }
          guard end > labelsStart else { continue }
          write(event, UnsafeRawBufferPointer(rebasing: texts[labelsStart..<end]), format, run: run, now, to: &writer)
          count += 1
          guard writer.count >= partBytes else { continue }
          send(writer.copy(), count)
          writer.removeAll()
          count = 0
        }
      }
    }
    if count > 0 { send(writer.copy(), count) }
  }

  private static func write(
    _ event: LiveEvent, _ labels: UnsafeRawBufferPointer, _ format: LiveFormat, run: String, _ now: Int64,
    to writer: inout ByteWriter
  ) {
    if format == .sse {
      if let number = event.number {
        writer.append("id: ")
        writer.append(run)
        writer.append("-")
        writer.append(decimal: Int64(number))
        writer.append("-")
        writer.append(decimal: now)
        writer.append("\n")
      }
      writer.append("data: ")
    }
    writer.append("{\"metric\":")
    writer.append(labels)
    writer.append(",\"value\":")
    writer.append(pair: event.arrival.timestamp, Double(bitPattern: event.arrival.bits))
    writer.append(format == .sse ? "}\n\n" : "}\n")
  }
}
