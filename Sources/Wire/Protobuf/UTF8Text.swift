/// Whether bytes are UTF-8: well-formed, with neither overlong forms nor surrogates.
enum UTF8Text {
  /// Names and values are short and nearly always ASCII, which is told eight bytes at a time.
  @inline(__always)
  static func isValid(_ text: UnsafeRawBufferPointer) -> Bool {
    guard let base = text.baseAddress else { return true }
    var position = 0
    var gathered: UInt64 = 0
    while position &+ 8 <= text.count {
      gathered |= base.loadUnaligned(fromByteOffset: position, as: UInt64.self)
      position &+= 8
    }
    var rest: UInt8 = 0
    while position < text.count {
      rest |= base.load(fromByteOffset: position, as: UInt8.self)
      position &+= 1
    }
    if (gathered & 0x8080_8080_8080_8080) | UInt64(rest & 0x80) == 0 { return true }
    return isValidBeyondASCII(text)
  }

  private static func isValidBeyondASCII(_ text: UnsafeRawBufferPointer) -> Bool {
    text.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
  }
}
