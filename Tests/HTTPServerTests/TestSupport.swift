import Dispatch
import Glibc

@testable import HTTPServer

/// Settings for a free port of the loopback interface.
func testSettings(_ change: (inout ServerSettings) -> Void = { _ in }) -> ServerSettings {
  var settings = ServerSettings(address: ListenAddress(host: "127.0.0.1", port: 0))
  settings.ioThreads = 2
  change(&settings)
  return settings
}

/// A server for one test.
func withServer<R>(
  hooks: ServerHooks = ServerHooks(), settings: ServerSettings = testSettings(), routes: (inout Router) throws -> Void,
  _ body: (Server) throws -> R
) throws -> R {
  var router = Router()
  try routes(&router)
  let server = try Server.start(settings, router: router, hooks: hooks)
  defer { server.stop(within: .seconds(5)) }
  return try body(server)
}

/// Waits until `condition` holds; false after twenty seconds.
func eventually(_ condition: () -> Bool) -> Bool {
  let deadline = ContinuousClock.now + .seconds(20)
  while !condition() {
    if ContinuousClock.now > deadline { return false }
    sched_yield()
    usleep(500)  // between two looks at the condition
  }
  return true
}

/// Waits until `value` has not changed for a fifth of a second; false after twenty seconds.
func settled(_ value: () -> Int) -> Bool {
  var last = value()
  var since = ContinuousClock.now
  return eventually {
    let now = value()
    if now != last {
      last = now
      since = .now
    }
    return ContinuousClock.now - since > .milliseconds(200)
  }
}

/// Holds handlers until it is opened.
final class Gate: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  private let arrivals = Box(0)
  var arrived: Int { arrivals.value }

  func pass() {
    arrivals.change { $0 += 1 }
    semaphore.wait()
    semaphore.signal()
  }

  func open() { semaphore.signal() }
}

/// A value that tests and handlers share.
///
/// It is looked at within the lock: a copy of an array that is read outside looks like a race to ThreadSanitizer, which
/// does not see the reference count that keeps its writer from changing it in place.
final class Box<Value>: Sendable {
  private let guarded: Guarded<Value>
  init(_ value: Value) { guarded = Guarded(value) }

  func look<R>(_ body: (Value) -> R) -> R { guarded.withLock { body($0) } }
  func change(_ body: (inout Value) -> Void) { guarded.withLock(body) }
}

extension Box where Value: BitwiseCopyable {
  var value: Value { look { $0 } }
}

extension Box where Value: Collection {
  var count: Int { look { $0.count } }
  var first: Value.Element? { look { $0.first } }
}

/// A stream of numbered parts; what it has been asked for can be watched.
final class CountingSource: ChunkSource, @unchecked Sendable {
  struct Broken: Error {}

  private let parts: Int
  private let partBytes: Int
  private let failsAt: Int?
  let calls = Box(0)

  init(parts: Int, partBytes: Int = 64 << 10, failsAt: Int? = nil) {
    self.parts = parts
    self.partBytes = partBytes
    self.failsAt = failsAt
  }

  func next(into chunk: inout [UInt8]) throws -> Bool {
    var call = 0
    calls.change {
      call = $0
      $0 += 1
    }
    if call == failsAt { throw Broken() }
    chunk.append(contentsOf: part(call))
    return call + 1 < parts
  }

  var whole: [UInt8] { (0..<parts).reduce(into: []) { $0.append(contentsOf: part($1)) } }

  private func part(_ number: Int) -> [UInt8] {
    filled(partBytes, with: UInt8(ascii: "a") + UInt8(number % 26))
  }
}

/// `Array(repeating:count:)`, which takes a while for megabytes in a debug build.
func filled(_ count: Int, with byte: UInt8) -> [UInt8] {
  [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
    if let base = buffer.baseAddress { memset(base, Int32(byte), count) }
    initialized = count
  }
}

/// Resident bytes of this process.
func residentBytes() -> Int {
  guard let file = fopen("/proc/self/statm", "r") else { return 0 }
  defer { fclose(file) }
  var line = [CChar](repeating: 0, count: 128)
  guard fgets(&line, 128, file) != nil else { return 0 }
  let fields = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self).split(
    separator: " ")
  return (Int(fields[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE))
}
