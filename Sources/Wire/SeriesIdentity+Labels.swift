public import TimeSeries

extension SeriesIdentity {
  /// The identity of a series that comes from elsewhere than a remote-write request, so that a `RemoteWriteSink` knows it
  /// again all the same.
  ///
  /// The labels are hashed one after the other, names and values each followed by a byte that UTF-8 does not have, with a
  /// part of the key that other identities do not use.
  /// - Parameter labels: sorted by name, UTF-8.
  /// - Returns: `nil` if they are longer than the hash takes.
  public init?(_ labels: UnsafeBufferPointer<LabelBytes>) {
    let length = labels.reduce(0) { $0 + $1.name.count + $1.value.count + 2 }
    guard length <= KeyedHash.lengthMax else { return nil }
    self = withUnsafeTemporaryAllocation(byteCount: max(length, 1), alignment: 1) { text in
      var position = 0
      func append(_ part: UnsafeRawBufferPointer) {
        if let start = part.baseAddress {
          UnsafeMutableRawBufferPointer(rebasing: text[position...]).baseAddress?.copyMemory(
            from: start, byteCount: part.count)
        }
        text[position + part.count] = 0xFF
        position += part.count + 1
      }
      for label in labels {
        append(label.name)
        append(label.value)
      }
      var hash = KeyedHash.Value()
      if let start = text.baseAddress { KeyedHash.process.add(start, count: length, region: 2, to: &hash) }
      return SeriesIdentity(hash: hash, length: length)
    }
  }
}
