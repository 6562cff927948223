import Dispatch
import Glibc
import Testing

@testable import HTTPServer

@Suite struct WorkerPoolTests {
  @Test func `jobs run in the order they came`() throws {
    let pool = try WorkerPool(name: "order", threads: 1, queueMax: 1000)
    let gate = Gate()
    let order = Box<[Int]>([])
    #expect(pool.submit { gate.pass() })
    for i in 0..<500 { #expect(pool.submit { order.change { $0.append(i) } }) }
    gate.open()
    #expect(pool.shutdown(within: .seconds(10)))
    #expect(order.look { $0 == Array(0..<500) })
  }

  @Test func `a full queue refuses, and counts`() throws {
    let pool = try WorkerPool(name: "full", threads: 2, queueMax: 3)
    let gate = Gate()
    for _ in 0..<2 { #expect(pool.submit { gate.pass() }) }
    #expect(eventually { pool.active == 2 })
    for _ in 0..<3 { #expect(pool.submit {}) }
    #expect(pool.submit {} == false)
    #expect(pool.statistics == .init(active: 2, queued: 3, completed: 0, refused: 1, abandoned: 0))
    gate.open()
    #expect(eventually { pool.statistics == .init(active: 0, queued: 0, completed: 5, refused: 1, abandoned: 0) })
    #expect(pool.submit {})
  }

  @Test func `without a queue only idle threads take jobs`() throws {
    let pool = try WorkerPool(name: "none", threads: 1, queueMax: 0)
    let gate = Gate()
    #expect(pool.submit { gate.pass() })
    #expect(eventually { pool.active == 1 })
    #expect(pool.submit {} == false)
    gate.open()
    #expect(eventually { pool.active == 0 })
    #expect(pool.submit {})
  }

  @Test func `shutting down runs what was taken and takes no more`() throws {
    let pool = try WorkerPool(name: "end", threads: 2, queueMax: 100)
    let ran = Box(0)
    for _ in 0..<50 { #expect(pool.submit { ran.change { $0 += 1 } }) }
    #expect(pool.shutdown(within: .seconds(10)))
    #expect(ran.value == 50)
    #expect(pool.submit {} == false)
  }

  @Test func `shutting down does not wait longer than told`() throws {
    let pool = try WorkerPool(name: "stuck", threads: 1, queueMax: 1)
    let gate = Gate()
    #expect(pool.submit { gate.pass() })
    #expect(eventually { gate.arrived == 1 })
    #expect(pool.shutdown(within: .milliseconds(20)) == false)
    gate.open()
    #expect(pool.shutdown(within: .seconds(10)))
  }

  @Test func `a pool released on its own thread ends`() throws {
    let ended = DispatchSemaphore(value: 0)
    final class Witness: Sendable {
      let ended: DispatchSemaphore
      init(_ ended: DispatchSemaphore) { self.ended = ended }
      deinit { ended.signal() }
    }
    var pool: WorkerPool? = try WorkerPool(name: "self", threads: 1, queueMax: 1)
    let gate = Gate()
    do {
      let witness = Witness(ended)
      let isTaken = pool?.submit { [pool] in
        gate.pass()
        withExtendedLifetime((pool, witness)) {}
      }
      #expect(isTaken == true)
    }
    pool = nil
    gate.open()
    #expect(ended.wait(timeout: .now() + 10) == .success)
  }

  @Test func `clients take turns, and the jobs of each keep their order`() throws {
    let pool = try WorkerPool(name: "fair", threads: 1, queueMax: 100)
    let gate = Gate()
    #expect(pool.submit { gate.pass() })
    #expect(eventually { pool.active == 1 })
    let ran = Box<[String]>([])
    let (greedy, modest) = (Self.address(1), Self.address(2))
    for i in 0..<4 { #expect(pool.submit(for: greedy) { ran.change { $0.append("greedy \(i)") } }) }
    for i in 0..<2 { #expect(pool.submit(for: modest) { ran.change { $0.append("modest \(i)") } }) }
    gate.open()
    #expect(pool.shutdown(within: .seconds(10)))
    #expect(ran.look { $0 } == ["greedy 0", "modest 0", "greedy 1", "modest 1", "greedy 2", "greedy 3"])
  }

  /// A client at 127.0.0.`last`, from whatever port.
  private static func address(_ last: UInt8) -> RemoteAddress {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(bigEndian: 0x7f00_0000 | UInt32(last))
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { RemoteAddress($0) }
    }
  }

  @Test func `many submitters lose nothing`() throws {
    let pool = try WorkerPool(name: "many", threads: 4, queueMax: 100_000)
    let ran = Box(0)
    DispatchQueue.concurrentPerform(iterations: 8) { _ in
      for _ in 0..<2000 { _ = pool.submit { ran.change { $0 += 1 } } }
    }
    #expect(pool.shutdown(within: .seconds(20)))
    #expect(ran.value == 16_000)
  }
}
