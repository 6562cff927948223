/// Where chunks grow: 32-byte cells in chains, so that a chunk of unknown length wastes at most one cell. When a chunk
/// is complete its words move to the slab, tightly packed, and the cells are free for the next one.
/// Guarded by the stripe's lock.
struct CellPool: ~Copyable {
  struct Cell: BitwiseCopyable {
    var words: (UInt32, UInt32, UInt32, UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0, 0, 0, 0)
    var next: UInt32 = 0
  }
  static let wordsPerCell = 7

  private var cells: VirtualArray<Cell>
  private var firstFree: UInt32 = 0

  init(bytesMax: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    cells = try VirtualArray(
      capacity: min(bytesMax / MemoryLayout<Cell>.stride, Int(UInt32.max)), meter: meter)
    _ = cells.extend(to: 1)  // cell 0 ends a chain
  }

  /// - Returns: 0 when memory is at its end.
  mutating func allocate() -> UInt32 {
    if firstFree != 0 {
      let cell = firstFree
      firstFree = cells.base[Int(cell)].next
      cells.base[Int(cell)].next = 0
      return cell
    }
    let cell = cells.count
    guard cell < Int(UInt32.max), cells.extend(to: cell + 1) else { return 0 }
    return UInt32(cell)
  }

  /// Frees a whole chain.
  mutating func free(first: UInt32, last: UInt32) {
    guard first != 0 else { return }
    cells.base[Int(last)].next = firstFree
    firstFree = first
  }

  /// Cells that memory has been taken for, free ones too.
  var count: Int { cells.count }

  @inline(__always) func words(_ cell: UInt32) -> UnsafeMutablePointer<UInt32> {
    UnsafeMutableRawPointer(cells.base + Int(cell)).assumingMemoryBound(to: UInt32.self)
  }

  func link(_ cell: UInt32, to next: UInt32) { cells.base[Int(cell)].next = next }
  func next(_ cell: UInt32) -> UInt32 { cells.base[Int(cell)].next }
}

/// Appends an open chunk's words to its chain of cells.
struct CellSink: WordSink, ~Copyable {
  var pool: UnsafeMutablePointer<CellPool>
  var record: UnsafeMutablePointer<SeriesRecord>

  @inline(__always) mutating func append(word: UInt32) -> Bool {
    let used = Int(record.pointee.wordsInLastCell)
    if record.pointee.lastCell != 0 && used < CellPool.wordsPerCell {
      pool.pointee.words(record.pointee.lastCell)[used] = word
      record.pointee.wordsInLastCell = UInt8(truncatingIfNeeded: used &+ 1)
      return true
    }
    return appendToNewCell(word)
  }

  private mutating func appendToNewCell(_ word: UInt32) -> Bool {
    let cell = pool.pointee.allocate()
    guard cell != 0 else { return false }
    if record.pointee.lastCell == 0 {
      record.pointee.firstCell = cell
    } else {
      pool.pointee.link(record.pointee.lastCell, to: cell)
    }
    record.pointee.lastCell = cell
    record.pointee.wordsInLastCell = 1
    pool.pointee.words(cell)[0] = word
    return true
  }
}

/// Collects words in memory of its own, for chunks that are written anew.
struct ScratchSink: WordSink, ~Copyable {
  var words: [UInt32] = []

  mutating func append(word: UInt32) -> Bool {
    words.append(word)
    return true
  }
}
