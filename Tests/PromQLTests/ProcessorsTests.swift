import Synchronization
import Testing

@testable import PromQL

struct ProcessorsTests {
  @Test func `no more threads compute than there are processors`() {
    let processors = Processors(count: 2)
    let running = Atomic(0)
    let most = Atomic(0)
    runThreads(8) { _ in
      processors.withOne {
        let now = running.add(1, ordering: .relaxed).newValue
        most.max(now, ordering: .relaxed)
        spin(.milliseconds(2))
        running.subtract(1, ordering: .relaxed)
      }
    }
    let highest = most.load(ordering: .relaxed)
    #expect(highest <= 2)
  }

  @Test func `a short query does not wait for the end of a long one`() {
    let processors = Processors(count: 1)
    let isShortDone = Atomic(false)
    let hasLongStarted = Atomic(false)
    let wasOvertaken = Atomic(false)
    runThreads(2) { thread in
      if thread == 0 {
        processors.withOne {
          hasLongStarted.store(true, ordering: .relaxed)
          let limit = ContinuousClock.now + .seconds(20)
          while !isShortDone.load(ordering: .relaxed), .now < limit { processors.giveWay() }
          wasOvertaken.store(isShortDone.load(ordering: .relaxed), ordering: .relaxed)
        }
      } else {
        while !hasLongStarted.load(ordering: .relaxed) {}
        processors.withOne { isShortDone.store(true, ordering: .relaxed) }
      }
    }
    let isOvertaken = wasOvertaken.load(ordering: .relaxed)
    #expect(isOvertaken)
  }

  @Test func `helpers take only processors that nobody uses`() {
    let processors = Processors(count: 3)
    processors.withOne {
      #expect(processors.acquireFree(5) == 2)
      #expect(processors.acquireFree(1) == 0)
      processors.release()
      #expect(processors.acquireFree(5) == 1)
      processors.release()
      processors.release()
    }
    #expect(processors.acquireFree(5) == 3)
  }

  private func spin(_ time: Duration) {
    let end = ContinuousClock.now + time
    while .now < end {}
  }

  /// Runs `body` on as many threads, with their numbers, and waits for their ends.
  private func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let parts = try? Parallel.run(count: count, threads: count, grain: 1, sharing: nil) { thread, _ in
      body(thread)
      return thread
    }
    #expect(parts == Array(0..<count))
  }
}
