import Glibc

/// Where a server listens and what it puts up with.
public struct ServerSettings: Sendable {
  public var address: ListenAddress
  /// Threads that read and write sockets and run inline handlers; one a core unless set.
  public var ioThreads: Int = max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1)
  /// Connections open at once, at least one. Further ones wait to be accepted.
  public var connectionsMax = 512
  /// The same for one client address; 0 for no limit. Further ones are closed.
  public var connectionsPerAddressMax = 0
  /// Without a byte for this long a connection is closed. Whole seconds count; zero for never. Time in which the
  /// server is at work does not count.
  public var idleTimeout: Duration = .seconds(300)
  /// A request has to be here, with its body, this long after the connection was accepted or, on one that has had an
  /// answer, after its request line; else the connection is cut. An idle connection has to begin the next request within
  /// the idle timeout, however many bytes come. Zero for no limit.
  public var requestTimeout: Duration = .seconds(60)
  /// Memory of a connection, at least 8 KiB: its request line and headers have to fit into it, and a response is sent
  /// in parts of this size.
  public var headerBytesMax = 32 << 10
  /// A larger request body is answered with 413. Each connection may hold one.
  public var bodyBytesMax = 16 << 20
  /// How long `Server.stop` waits for running responses if it is not told.
  public var grace: Duration = .seconds(20)
  /// The `Server` field of responses; none unless set.
  public var serverField: String?

  public init(address: ListenAddress) {
    self.address = address
  }
}
