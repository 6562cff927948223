/// Small pieces of memory of any size behind 32-bit handles: label texts, label lists, posting lists.
///
/// Sizes are rounded up to 8 bytes; freed pieces wait in a list of their own size for the next one to need it. Pieces
/// beyond `exactMax` come in sizes that double. The first word of a free piece holds the next handle of its list.
/// Not synchronised: the index's lock guards it.
struct SlotHeap: ~Copyable {
  /// An index of 8-byte units. 0 is no piece.
  typealias Handle = UInt32

  private static var unit: Int { 8 }
  private static var exactMax: Int { 2048 }

  private var units: VirtualArray<UInt64>
  private var freeLists: [Handle]
  /// Bytes in pieces that wait to be used again.
  private(set) var freeBytes = 0

  init(bytesMax: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    units = try VirtualArray(capacity: min(bytesMax / Self.unit, Int(UInt32.max)), meter: meter)
    freeLists = [Handle](repeating: 0, count: Self.exactMax / Self.unit + 64)
    _ = units.extend(to: 1)  // handle 0 stays unused
  }

  /// Bytes in all pieces, free ones too.
  var bytes: Int { units.count * Self.unit }

  /// - Returns: `nil` when memory is at its end.
  mutating func allocate(bytes: Int) -> Handle? {
    let (list, size) = Self.sizeClass(bytes)
    let free = freeLists[list]
    if free != 0 {
      freeLists[list] = Handle(truncatingIfNeeded: units[Int(free)])
      freeBytes -= size
      return free
    }
    let start = units.count
    guard start + size / Self.unit <= Int(UInt32.max), units.extend(to: start + size / Self.unit) else { return nil }
    return Handle(start)
  }

  /// - Parameter bytes: the size that was asked for.
  mutating func free(_ handle: Handle, bytes: Int) {
    let (list, size) = Self.sizeClass(bytes)
    units[Int(handle)] = UInt64(freeLists[list])
    freeLists[list] = handle
    freeBytes += size
  }

  @inline(__always) func pointer(_ handle: Handle) -> UnsafeMutableRawPointer { view.pointer(handle) }

  /// Finds pieces by handle; the heap never moves.
  struct View: BitwiseCopyable {
    let base: UnsafeMutablePointer<UInt64>

    @inline(__always) func pointer(_ handle: Handle) -> UnsafeMutableRawPointer {
      UnsafeMutableRawPointer(base + Int(handle))
    }
  }

  var view: View { View(base: units.base) }

  /// Bytes that a piece of this size really takes: how much a list may grow in place.
  static func roundedUp(_ bytes: Int) -> Int { sizeClass(bytes).size }

  private static func sizeClass(_ bytes: Int) -> (list: Int, size: Int) {
    let size = (max(bytes, 1) + unit - 1) / unit * unit
    if size <= exactMax { return (size / unit, size) }
    // Two sizes to each doubling, so that at most a third is wasted.
    let power = Int.bitWidth - (size - 1).leadingZeroBitCount
    let half = (1 << (power - 1)) + (1 << (power - 2))
    return size <= half
      ? (exactMax / unit + 2 * (power - 11), half) : (exactMax / unit + 2 * (power - 11) + 1, 1 << power)
  }
}
