import Glibc

/// Runs `body` and returns the CPU seconds that this thread spent in it.
func cpuSeconds(_ body: () throws -> Void) rethrows -> Double {
  let before = threadSeconds()
  try body()
  return threadSeconds() - before
}

private func threadSeconds() -> Double { seconds(CLOCK_THREAD_CPUTIME_ID) }

/// CPU seconds of all threads so far.
func processSeconds() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

private func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

/// Milliseconds since the Unix epoch.
func wallMilliseconds() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
}

/// Resident bytes of this process.
func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var text = [CChar](repeating: 0, count: 128)
  guard fgets(&text, 128, file) != nil else { return 0 }
  let fields = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }.split(separator: 32)
  return fields.count > 1 ? (Int(String(decoding: fields[1], as: UTF8.self)) ?? 0) * 4096 : 0
}

/// The machine-readable line that a measurement ends in.
func report(_ name: String, _ value: Double, _ unit: String) {
  let digits = value >= 1000 ? 0 : value >= 10 ? 1 : 3
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let rounded = (value * scale).rounded() / scale
  print("result name=\(name) value=\(rounded) unit=\(unit)")
}
