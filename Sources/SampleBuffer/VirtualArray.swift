internal import Glibc
internal import Synchronization

/// Counts the bytes that the buffer's memory holds, over all its parts.
///
/// Every part reports whole pages as it first touches them and as it gives them back, so the sum follows the resident
/// size of the process.
final class MemoryMeter: Sendable {
  private let held = Atomic<Int>(0)

  var bytes: Int { held.load(ordering: .relaxed) }

  func add(_ delta: Int) { held.add(delta, ordering: .relaxed) }
}

/// An array at an address that never changes: a range of addresses is reserved at the start, memory comes page by page
/// as elements are first used. So readers need no indirection, and growing copies nothing.
///
/// Not synchronised: whoever owns it says what guards it. Elements are plain values without destructors.
struct VirtualArray<Element: BitwiseCopyable>: ~Copyable {
  let base: UnsafeMutablePointer<Element>
  /// Elements in use.
  private(set) var count = 0
  /// Elements that the reserved range has room for.
  let capacity: Int
  private let reservedBytes: Int
  private var committedBytes = 0
  private var meteredBytes = 0
  private let meter: MemoryMeter

  private static var page: Int { 4096 }
  /// Memory becomes writable in steps of this size, so that it costs few system calls.
  private static var step: Int { 64 << 10 }

  /// - Throws: when the system refuses the range of addresses.
  init(capacity: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    let stride = MemoryLayout<Element>.stride
    let bytes = (max(capacity, 1) * stride + Self.step - 1) / Self.step * Self.step
    guard let memory = mmap(nil, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      memory != MAP_FAILED
    else { throw OutOfAddressSpace(bytes: bytes, errno: errno) }
    base = memory.bindMemory(to: Element.self, capacity: bytes / stride)
    self.capacity = bytes / stride
    reservedBytes = bytes
    self.meter = meter
  }

  deinit {
    munmap(base, reservedBytes)
    meter.add(-meteredBytes)
  }

  /// Makes the first `newCount` elements usable. New ones are zero-filled.
  /// - Returns: false when the reserved range or the system's memory is at its end; then nothing has changed.
  mutating func extend(to newCount: Int) -> Bool {
    guard newCount > count else { return true }
    guard newCount <= capacity else { return false }
    let bytes = newCount * MemoryLayout<Element>.stride
    if bytes > committedBytes {
      let wanted = min((bytes + committedBytes / 8 + Self.step - 1) / Self.step * Self.step, reservedBytes)
      let start = UnsafeMutableRawPointer(base) + committedBytes
      guard mprotect(start, wanted - committedBytes, PROT_READ | PROT_WRITE) == 0 else { return false }
      committedBytes = wanted
    }
    count = newCount
    let touched = (bytes + Self.page - 1) / Self.page * Self.page
    if touched > meteredBytes {
      meter.add(touched - meteredBytes)
      meteredBytes = touched
    }
    return true
  }

  /// Appends and returns the index, or `nil` when there is no more room.
  mutating func append(_ element: Element) -> Int? {
    let index = count
    guard extend(to: index + 1) else { return nil }
    base[index] = element
    return index
  }

  /// Forgets all elements and gives their memory back to the system.
  mutating func removeAll() {
    if committedBytes > 0 { madvise(base, committedBytes, MADV_DONTNEED) }
    meter.add(-meteredBytes)
    meteredBytes = 0
    count = 0
  }

  subscript(index: Int) -> Element {
    get { base[index] }
    nonmutating set { base[index] = newValue }
  }
}

/// The system has no range of addresses left for the buffer (a limit on virtual memory, `ulimit -v`).
public struct OutOfAddressSpace: Error, CustomStringConvertible {
  public let bytes: Int
  public let errno: Int32

  public var description: String {
    "cannot reserve \(bytes) bytes of address space for the buffer: \(String(cString: strerror(errno))); "
      + "lower --buffer-max-bytes or lift the limit on virtual memory (ulimit -v)"
  }
}
