internal import TimeSeries

/// A series in the buffer: 64 bytes, one cache line, all that appending a sample touches.
///
/// The series' stripe guards everything in it; `generation` and `labels` change only with the index's write lock held
/// too, so either lock suffices to read them.
struct SeriesRecord: BitwiseCopyable {
  /// The chunk that samples are being appended to, always the one of the series' newest slab. `encoder.count` is 0
  /// when there is none.
  var encoder = EncoderState()
  /// Odd while the slot has a tenant; goes up by one at each arrival and departure.
  var generation: UInt32 = 0
  /// The label list in the index's heap.
  var labels: SlotHeap.Handle = 0
  /// Number of the slab that the open chunk belongs to.
  var slab: Int32 = 0
  var firstCell: UInt32 = 0
  var lastCell: UInt32 = 0
  /// Slabs that hold samples of this series, the open chunk's among them.
  var slabCount: UInt16 = 0
  var wordsInLastCell: UInt8 = 0
  /// Value mode of the chunk before, to begin the next one with.
  var scaleHint: UInt8 = 0

  var isLive: Bool { generation & 1 == 1 }
  var hasOpenChunk: Bool { encoder.count > 0 }
}

/// How series are spread over stripes: runs of 64 neighbours share one, since neighbours tend to arrive together.
enum StripeMap {
  static let count = 16

  @inline(__always) static func stripe(_ ref: UInt32) -> Int { Int(ref >> 6) & (count - 1) }
  /// The series' number within its stripe.
  @inline(__always) static func local(_ ref: UInt32) -> Int { Int((ref >> 10) << 6 | ref & 63) }
  @inline(__always) static func ref(stripe: Int, local: Int) -> UInt32 {
    UInt32((local >> 6) << 10 | stripe << 6 | local & 63)
  }
}
