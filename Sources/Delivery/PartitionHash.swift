internal import TimeSeries

/// The hash that decides in which partition a series is: FNV-1a, 64 bits, over the labels in the order of their names,
/// each as name, byte 0xFF, value, byte 0xFF (no UTF-8 has that byte). The same in every process and version.
enum PartitionHash {
  static func of(_ labels: UnsafeBufferPointer<LabelBytes>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for label in labels {
      for text in [label.name, label.value] {
        for byte in text { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ 0xFF) &* 0x100_0000_01b3
      }
    }
    return hash
  }
}
