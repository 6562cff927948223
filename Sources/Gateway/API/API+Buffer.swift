internal import Configuration
internal import HTTPServer
internal import SampleBuffer
internal import TimeSeries

extension API {
  /// `/api/v1/status/buffer`: the ring, slab by slab, and the memory that everything takes.
  func bufferStatus() -> Response {
    let statistics = buffer.statistics()
    let memory = SelfMetrics.memoryParts(buffer)
    return Answer.success { writer in
      writer.append("{")
      writer.member("bytes", Int64(statistics.bytes))
      writer.member("bytes_max", Int64(statistics.bytesMax))
      writer.member("retention_seconds", Int64(configuration.buffer.retention.components.seconds))
      writer.member("window_start")
      writer.append(seconds: buffer.windowStart)
      writer.member("series", Int64(statistics.series))
      writer.member("samples", Int64(statistics.samples))
      writer.member("chunks", Int64(statistics.chunks))
      writer.member("samples_dropped")
      writer.append("{")
      for (reason, count) in [
        ("too_old", statistics.counts.tooOld), ("too_new", statistics.counts.tooNew),
        ("beyond_budget", statistics.counts.beyondBudget), ("out_of_memory", statistics.counts.outOfMemory),
      ] {
        writer.member(reason, Int64(count))
      }
      writer.append("}")
      writer.member("slabs")
      writer.append("[")
      for (i, slab) in statistics.slabs.enumerated() {
        writer.append(i > 0 ? ",{" : "{")
        writer.member("start")
        writer.append(seconds: slab.start)
        writer.member("end")
        writer.append(seconds: slab.end)
        writer.member("samples", Int64(slab.samples))
        writer.member("bytes", Int64(slab.bytes))
        writer.append("}")
      }
      writer.append("]")
      writer.member("memory")
      writer.append("{")
      for (part, bytes) in memory { writer.member(part, Int64(bytes)) }
      writer.append("}}")
    }
  }
}
