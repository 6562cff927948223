import Dispatch
import Foundation
import Glibc
import Synchronization
import Testing

@testable import promring

/// Signals are sent to the waiting thread alone, so that the process that runs the tests never sees them.
@Suite struct SignalTests {
  /// What a watcher called, one entry a call; a call can be waited for.
  final class Calls: Sendable {
    private let names = Mutex<[String]>([])
    private let happened = DispatchSemaphore(value: 0)

    func record(_ name: String) {
      names.withLock { $0.append(name) }
      happened.signal()
    }

    /// Waits for the next call; `nil` when there is none for ten seconds.
    func next() -> [String]? {
      happened.wait(timeout: .now() + 10) == .success ? names.withLock { $0 } : nil
    }
  }

  static func watch() -> (pthread_t, Calls) {
    let calls = Calls()
    let watcher = SignalWatcher(
      onShutdown: { calls.record($0) }, onReload: { calls.record("reload") }, exitNow: { calls.record("exit \($0)") })
    return (watcher.start(), calls)
  }

  @Test func `a second signal ends the process at once`() {
    let (thread, calls) = SignalTests.watch()
    pthread_kill(thread, SIGTERM)
    #expect(calls.next() == ["SIGTERM"])
    pthread_kill(thread, SIGINT)
    #expect(calls.next() == ["SIGTERM", "exit 130"])
  }

  @Test func `the second signal is seen while the first is still being worked on`() {
    let calls = Calls()
    let release = DispatchSemaphore(value: 0)
    let watcher = SignalWatcher(
      onShutdown: {
        calls.record($0)
        release.wait()
      }, onReload: {}, exitNow: { calls.record("exit \($0)") })
    let thread = watcher.start()
    pthread_kill(thread, SIGINT)
    #expect(calls.next() == ["SIGINT"])
    pthread_kill(thread, SIGTERM)
    #expect(calls.next() == ["SIGINT", "exit 143"])
    release.signal()
  }

  @Test func `SIGHUP asks for a reload, as often as it comes`() {
    let (thread, calls) = SignalTests.watch()
    pthread_kill(thread, SIGHUP)
    #expect(calls.next() == ["reload"])
    pthread_kill(thread, SIGHUP)
    #expect(calls.next() == ["reload", "reload"])
  }

  @Test func `all who wait for the end are told, and the first reason counts`() {
    let termination = Termination()
    #expect(termination.reason == nil)
    let calls = Calls()
    for _ in 0..<3 {
      Thread.detachNewThread { calls.record(termination.wait()) }
    }
    termination.request("first")
    termination.request("second")
    var told: [String]?
    for _ in 0..<3 { told = calls.next() }
    #expect(told == ["first", "first", "first"])
    #expect(termination.reason == "first")
    #expect(termination.wait() == "first")
  }
}
