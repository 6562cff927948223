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
      for (part, bytes) in Self.memoryParts(buffer, files: files) {
        report.put("promring_memory_bytes", Double(bytes), labels: [part])
      }
    }
  }

  /// What holds how many bytes.
  static func memoryParts(_ buffer: SampleBuffer, files: ProcFiles = ProcFiles(root: "/")) -> [(String, Int)] {
    let heap = mallinfo2()
    var parts = [
      ("buffer", buffer.statistics().bytes), ("heap", heap.uordblks + heap.hblkhd), ("heap_free", heap.fordblks),
    ]
    // Kilobytes (proc(5)).
    let program = files.lines("proc/self/status").first { $0.hasPrefix("RssFile:") }?.words.dropFirst().first
    if let kilobytes = program.flatMap({ Int($0) }) { parts.append(("program", kilobytes * 1024)) }
    return parts
  }
}
