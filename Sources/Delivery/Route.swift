internal import Synchronization
internal import Wire

/// The sources that a request goes to, and what threads need to read it, kept from request to request.
final class Route: Sendable {
  let lanes: [(lane: Lane, target: Target)]
  let limits: RemoteWriteLimits
  let budget: ByteBudget
  let metadata: MetadataStore
  private let idle = Mutex<[WriteContext]>([])
  /// More threads than this do not keep theirs.
  private static let idleMax = 32

  init(_ lanes: [(lane: Lane, target: Target)], limits: RemoteWriteLimits, budget: ByteBudget, metadata: MetadataStore)
  {
    self.lanes = lanes
    self.limits = limits
    self.budget = budget
    self.metadata = metadata
  }

  func withContext<R>(_ body: (WriteContext) -> R) -> R {
    let context = idle.withLock { $0.popLast() } ?? WriteContext(self)
    defer { idle.withLock { if $0.count < Self.idleMax { $0.append(context) } } }
    return body(context)
  }
}
