/// The body of `Response.stream`: parts are produced on the worker pool while the connection is suspended, and given to
/// the engine while it is not.
///
/// `@unchecked Sendable`: `source`, `parts` and `deflater` belong to the pool while the connection is suspended and to
/// its I/O thread otherwise. The exchange's lock, taken to suspend and to resume, orders the two. Only an aborted
/// connection is resumed early, and then `fill` touches nothing.
final class StreamFeed: BodyFeed, @unchecked Sendable {
  /// What the first part turned out to be.
  enum Start {
    /// The whole body; `coding` is what it was compressed with.
    case whole([UInt8], ContentCoding?)
    /// There will be more.
    case open(ContentCoding?)
  }

  private enum State {
    case open, ended, failed
  }

  /// How much is produced at a time, about.
  private static let partBytes = 64 << 10

  private let source: any ChunkSource
  private let pool: WorkerPool
  private let exchange: Exchange
  private let deflater: Deflater?
  private let coding: ContentCoding?
  /// What a part is made into, reused for each.
  private var plain: [UInt8] = []
  private var compressed: [UInt8] = []
  /// What is to be sent of the part: `compressed` if there is a deflater, `plain` otherwise.
  private var offset = 0
  private var state = State.open

  init(_ source: any ChunkSource, pool: WorkerPool, exchange: Exchange, coding: ContentCoding?) {
    self.source = source
    self.pool = pool
    self.exchange = exchange
    deflater = coding.flatMap { Deflater($0) }
    self.coding = deflater == nil ? nil : coding
  }

  override var hasFailed: Bool { state == .failed }

  /// Produces the first part, on the pool and before the engine knows of the response: an error can still become a
  /// proper answer, and a short body gets a length.
  func start() throws -> Start {
    let isMore = try pull()
    if !isMore, plain.count < ContentCoding.bytesMin { return .whole(plain, nil) }
    try finishPart(isMore: isMore)
    guard state == .ended else { return .open(coding) }
    return .whole(deflater == nil ? plain : compressed, coding)
  }

  override func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Result {
    if exchange.isAborted { return .failed }
    let part = (deflater == nil ? plain : compressed)[offset...].prefix(buffer.count)
    if !part.isEmpty {
      buffer.copyBytes(from: part)
      offset += part.count
      return .bytes(part.count)
    }
    switch state {
    case .ended: return .end
    case .failed:
      exchange.makeTruncationVisible()
      return .failed
    case .open:
      guard exchange.suspend() else { return .failed }
      pool.enqueue({ self.produce() }, for: exchange.head.remoteAddress, isReserved: false)
      return .suspended
    }
  }

  /// Runs on the pool, the connection being suspended.
  private func produce() {
    if exchange.isCancelled {
      pool.countAbandoned()
      exchange.resume()  // `fill` finds it aborted
      return
    }
    plain.removeAll(keepingCapacity: true)
    compressed.removeAll(keepingCapacity: true)
    offset = 0
    do {
      try finishPart(isMore: pull())
    } catch {
      // What was produced before the error is held back: it ends in the middle of something.
      plain.removeAll()
      compressed.removeAll()
      state = .failed
    }
    exchange.resume()
  }

  /// Compresses what was pulled. A compressor may hold everything back: then more is pulled, until something can be
  /// sent, as the engine takes nothing for the end.
  private func finishPart(isMore: Bool) throws {
    var isMore = isMore
    if let deflater {
      deflater.compress(plain, isLast: !isMore, into: &compressed)
      while isMore, compressed.count < Self.partBytes / 4 {
        plain.removeAll(keepingCapacity: true)
        isMore = try pull()
        deflater.compress(plain, isLast: !isMore, into: &compressed)
      }
    }
    if !isMore { state = .ended }
  }

  /// Fills `plain` from the source, which may give less at a time than makes a part.
  private func pull() throws -> Bool {
    plain.reserveCapacity(Self.partBytes + Self.partBytes / 4)
    while plain.count < Self.partBytes * 3 / 4 {
      guard try source.next(into: &plain) else { return false }
    }
    return true
  }
}
