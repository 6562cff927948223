/// One stripe's share of a slab: the finished chunks of the slab's time span, packed into one arena, and a directory
/// that finds them by series. Dropped whole. Guarded by the stripe's lock.
///
/// A chunk in the arena: a head word (samples in the low 16 bits, words in the high 16; both 0xFFFF: the next two words
/// say instead), then the words of the bit stream.
final class Slab {
  /// ⌊timestamp ÷ duration⌋ of every sample in it.
  let number: Int32
  private var arena: VirtualArray<UInt32>
  /// By the series' number within the stripe: position in the arena, 0 = no finished chunk here.
  private var directory: VirtualArray<UInt32>
  /// Words in the arena that no directory entry points at any more.
  private var wastedWords = 0
  /// Samples in finished chunks.
  private(set) var samples = 0
  /// Finished chunks.
  private(set) var chunks = 0

  init(number: Int32, seriesMax: Int, bytesMax: Int, meter: MemoryMeter) throws(OutOfAddressSpace) {
    self.number = number
    arena = try VirtualArray(capacity: min(bytesMax / 4, Int(UInt32.max)), meter: meter)
    directory = try VirtualArray(capacity: seriesMax, meter: meter)
    _ = arena.extend(to: 1)  // position 0 is no chunk
  }

  var bytes: Int { arena.count * 4 + directory.count * 4 }
  /// Series numbers that may have a chunk: all below this.
  var directoryCount: Int { directory.count }

  @inline(__always) func hasChunk(_ local: Int) -> Bool {
    local < directory.count && directory.base[local] != 0
  }

  struct Chunk {
    let words: UnsafePointer<UInt32>
    let wordCount: Int
    let sampleCount: Int
  }

  /// The finished chunk of a series. Valid until the slab next changes.
  @inline(__always) func chunk(_ local: Int) -> Chunk? {
    guard hasChunk(local) else { return nil }
    let head = arena.base + Int(directory.base[local])
    if head[0] != 0xFFFF_FFFF {
      return Chunk(words: head + 1, wordCount: Int(head[0] >> 16), sampleCount: Int(head[0] & 0xFFFF))
    }
    return Chunk(words: head + 3, wordCount: Int(head[2]), sampleCount: Int(head[1]))
  }

  /// Makes room for a chunk and points the directory at it. The caller fills the words.
  /// - Returns: `nil` when memory is at its end; then nothing has changed.
  func makeChunk(_ local: Int, wordCount: Int, sampleCount: Int) -> UnsafeMutablePointer<UInt32>? {
    let replaced = chunk(local)
    if let replaced, replaced.wordCount >= wordCount, wordCount < 0xFFFF, sampleCount < 0xFFFF,
      replaced.wordCount < 0xFFFF, replaced.sampleCount < 0xFFFF
    {
      wastedWords += replaced.wordCount - wordCount
      samples += sampleCount - replaced.sampleCount
      let head = arena.base + Int(directory.base[local])
      head[0] = UInt32(wordCount) << 16 | UInt32(sampleCount)
      return head + 1
    }
    let long = wordCount >= 0xFFFF || sampleCount >= 0xFFFF
    let position = arena.count
    guard position + 3 + wordCount <= Int(UInt32.max), directory.extend(to: max(local + 1, directory.count)),
      arena.extend(to: position + (long ? 3 : 1) + wordCount)
    else { return nil }
    if let replaced {
      wastedWords += replaced.wordCount + (replaced.wordCount < 0xFFFF && replaced.sampleCount < 0xFFFF ? 1 : 3)
      samples -= replaced.sampleCount
    }
    if replaced == nil { chunks += 1 }
    samples += sampleCount
    directory.base[local] = UInt32(position)
    let head = arena.base + position
    guard long else {
      head[0] = UInt32(wordCount) << 16 | UInt32(sampleCount)
      return head + 1
    }
    head[0] = 0xFFFF_FFFF
    head[1] = UInt32(sampleCount)
    head[2] = UInt32(wordCount)
    return head + 3
  }

  /// Forgets the chunk of a series, whose words are lost to the slab until it is packed anew or this was the last one.
  func removeChunk(_ local: Int) {
    guard let chunk = chunk(local) else { return }
    wastedWords += chunk.wordCount + (chunk.wordCount < 0xFFFF && chunk.sampleCount < 0xFFFF ? 1 : 3)
    samples -= chunk.sampleCount
    chunks -= 1
    directory.base[local] = 0
    guard chunks == 0 else { return }
    directory.removeAll()
    arena.removeAll()
    _ = arena.extend(to: 1)  // less than was there a moment ago
    wastedWords = 0
  }

  /// Packs the arena anew when rewritten chunks have left more holes than there is content.
  func compactIfWasteful() {
    guard wastedWords > 16 << 10, wastedWords > arena.count / 2 else { return }
    var packed: [UInt32] = [0]
    packed.reserveCapacity(arena.count - wastedWords)
    for local in 0..<directory.count {
      guard let chunk = chunk(local) else { continue }
      let head = arena.base + Int(directory.base[local])
      directory.base[local] = UInt32(packed.count)
      let headWords = chunk.words - UnsafePointer(head)
      packed.append(contentsOf: UnsafeBufferPointer(start: head, count: headWords + chunk.wordCount))
    }
    arena.removeAll()
    _ = arena.extend(to: packed.count)  // not more than was there a moment ago
    packed.withUnsafeBufferPointer { words in
      if let start = words.baseAddress { arena.base.update(from: start, count: words.count) }
    }
    wastedWords = 0
  }
}
