public import TimeSeries

/// The text of a record taken apart for people to read, element by element, nothing interpreted.
public enum DeliveredText {
  /// Lends each element of the array (or the lone object) as it stands.
  /// - Parameter text: followed by `RecordUnpacker.padding` zeros that may be read.
  public static func forEachElement(
    _ text: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) throws(JSONFault) {
    guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
    var scanner = ObjectScanner()
    func element(_ start: Int) throws(JSONFault) -> Int {
      let end =
        base[start] == UInt8(ascii: "{")
        ? try scanner.scan(text, start) : try ObjectScanner.elementEnd(base, start, text.count)
      guard end <= text.count else { throw JSONFault(byte: text.count, expected: "the end of an element") }
      body(UnsafeRawBufferPointer(rebasing: text[start..<end]))
      return end
    }
    var i = ObjectScanner.skipBlanks(base, 0)
    if i >= text.count { return }
    guard base[i] == UInt8(ascii: "[") else {
      guard base[i] == UInt8(ascii: "{") else { throw JSONFault(byte: i, expected: "an array of samples") }
      _ = try element(i)
      return
    }
    i = ObjectScanner.skipBlanks(base, i + 1)
    if base[i] == UInt8(ascii: "]") { return }
    while true {
      i = ObjectScanner.skipBlanks(base, try element(i))
      switch base[i] {
      case UInt8(ascii: ","): i = ObjectScanner.skipBlanks(base, i + 1)
      case UInt8(ascii: "]"): return
      default: throw JSONFault(byte: min(i, text.count), expected: "',' or ']' after a sample")
      }
    }
  }

  /// Appends JSON text without the blanks between its tokens, so that it takes one line.
  public static func appendCompact(_ text: UnsafeRawBufferPointer, to writer: inout ByteWriter) {
    var isInString = false
    var isEscaped = false
    for byte in text {
      if isInString {
        writer.append(byte)
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
      } else if byte > 0x20 {
        writer.append(byte)
        isInString = byte == UInt8(ascii: "\"")
      }
    }
  }
}
