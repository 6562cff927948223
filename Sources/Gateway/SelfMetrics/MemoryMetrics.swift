internal import CMalloc
internal import SampleBuffer
internal import Wire

extension SelfMetrics {
  /// Registers what this process knows of its memory, part by part; the sum is to agree with what is resident.
  func registerMemory(_ buffer: SampleBuffer, files: ProcFiles = ProcFiles(root: "/")) {
    let help = """
      Memory by what holds it: buffer (samples and their index), heap (all else that is allocated, librdkafka's queues \
      among it), heap_free (kept by the allocator for later), program (code and libraries as far as they are resident).
      """
    observe([MetricDefinition("promring_memory_bytes", .gauge, help, labels: ["part"])]) { report in
      let heap = mallinfo2()
      report.put("promring_memory_bytes", Double(buffer.statistics().bytes), labels: ["buffer"])
      report.put("promring_memory_bytes", Double(heap.uordblks + heap.hblkhd), labels: ["heap"])
      report.put("promring_memory_bytes", Double(heap.fordblks), labels: ["heap_free"])
      // Kilobytes (proc(5)).
      let program = files.lines("proc/self/status").first { $0.hasPrefix("RssFile:") }?.words.dropFirst().first
      if let program = program.flatMap({ Double($0) }) {
        report.put("promring_memory_bytes", program * 1024, labels: ["program"])
      }
    }
  }
}
