/// A label lent by its owner as raw UTF-8: the form in which labels cross module borders where a `String` for each
/// would cost too much. Valid only within the call that lends it.
public struct LabelBytes {
  public var name: UnsafeRawBufferPointer
  public var value: UnsafeRawBufferPointer

  @inlinable public init(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
    self.name = name
    self.value = value
  }

  /// A copy that outlives the loan.
  public var label: Label {
    Label(String(decoding: name, as: UTF8.self), String(decoding: value, as: UTF8.self))
  }
}

extension LabelSet {
  /// A copy of lent labels that are in order, without repeats or empty values.
  public init(copying labels: UnsafeBufferPointer<LabelBytes>) {
    self.init(sorted: labels.map(\.label))
  }

  /// Lends the labels as bytes to `body`.
  public func withLabelBytes<R>(_ body: (UnsafeBufferPointer<LabelBytes>) throws -> R) rethrows -> R {
    var text: [UInt8] = []
    for label in labels {
      text.append(contentsOf: label.name.utf8)
      text.append(contentsOf: label.value.utf8)
    }
    return try text.withUnsafeBytes { bytes in
      var position = 0
      func take(_ count: Int) -> UnsafeRawBufferPointer {
        defer { position += count }
        return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
      }
      let lent = labels.map { LabelBytes(name: take($0.name.utf8.count), value: take($0.value.utf8.count)) }
      return try lent.withUnsafeBufferPointer(body)
    }
  }
}
