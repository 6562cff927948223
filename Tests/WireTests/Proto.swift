/// Messages made by hand, by another way than the program's.
enum Proto {
  static func varint(_ value: UInt64) -> [UInt8] {
    value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7F) | 0x80] + varint(value >> 7)
  }

  static func key(_ field: Int, _ type: Int) -> [UInt8] { varint(UInt64(field * 8 + type)) }

  static func number(_ field: Int, _ value: Int64) -> [UInt8] { key(field, 0) + varint(UInt64(bitPattern: value)) }

  static func double(_ field: Int, bits: UInt64) -> [UInt8] {
    key(field, 1) + (0..<8).map { UInt8(truncatingIfNeeded: bits >> (8 * $0)) }
  }

  static func double(_ field: Int, _ value: Double) -> [UInt8] { double(field, bits: value.bitPattern) }

  static func bytes(_ field: Int, _ content: [UInt8]) -> [UInt8] {
    key(field, 2) + varint(UInt64(content.count)) + content
  }

  static func text(_ field: Int, _ content: String) -> [UInt8] { bytes(field, Array(content.utf8)) }

  static func packed(_ field: Int, _ values: [Int64]) -> [UInt8] {
    bytes(field, values.flatMap { varint(UInt64(bitPattern: $0)) })
  }

  static func label(_ field: Int, _ name: String, _ value: String) -> [UInt8] {
    bytes(field, text(1, name) + text(2, value))
  }

  static func sample(_ field: Int, _ timestamp: Int64, _ value: Double) -> [UInt8] {
    bytes(field, (value.bitPattern == 0 ? [] : double(1, value)) + (timestamp == 0 ? [] : number(2, timestamp)))
  }
}

/// Every way to break `body` a little: cut off anywhere, and with some bytes changed, taken out or put in.
func damaged(_ body: [UInt8], rounds: Int, seed: UInt64, _ visit: ([UInt8]) -> Void) {
  for count in 0..<body.count { visit(Array(body[..<count])) }
  var rng = SplitMix64(seed: seed)
  for _ in 0..<rounds {
    var broken = body
    for _ in 0...Int.random(in: 0...4, using: &rng) where !broken.isEmpty {
      let place = Int.random(in: 0..<broken.count, using: &rng)
      switch Int.random(in: 0..<4, using: &rng) {
      case 0: broken[place] = UInt8.random(in: 0...255, using: &rng)
      case 1: broken[place] ^= 1 << UInt8.random(in: 0..<8, using: &rng)
      case 2: broken.remove(at: place)
      default: broken.insert(UInt8.random(in: 0...255, using: &rng), at: place)
      }
    }
    visit(broken)
  }
}
