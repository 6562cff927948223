/// Takes numbers from an input that is to be operations rather than text. Behind its end come zeros.
struct InputReader {
  private var rest: ArraySlice<UInt8>

  init(_ input: [UInt8]) { rest = input[...] }

  var isAtEnd: Bool { rest.isEmpty }

  mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

  /// - Parameter bytes: from 1 to 8.
  mutating func number(_ bytes: Int) -> UInt64 {
    (0..<bytes).reduce(0) { number, _ in number << 8 | UInt64(byte()) }
  }

  /// The bits of a value: of the kinds that are packed differently.
  mutating func valueBits(after last: UInt64) -> UInt64 {
    switch byte() % 8 {
    case 0: last
    case 1: (Double(bitPattern: last) + 1).bitPattern
    case 2: Double(Int8(bitPattern: byte())).bitPattern
    case 3: (Double(Int32(truncatingIfNeeded: number(4))) / 100).bitPattern
    case 4: Double(Int64(bitPattern: number(8))).bitPattern
    case 5: last ^ number(2) << UInt64(byte() & 63)
    case 6: [0x7FF0_0000_0000_0002, 0x7FF8_0000_0000_0001, 0x7FF0 << 48, 0xFFF0 << 48, 1 << 63][Int(byte() % 5)]
    default: number(8)
    }
  }
}
