/// Sizes as users write them: a plain number of bytes, or a whole number with a unit. `KiB MiB GiB TiB` are powers of
/// 1024, `kB KB MB GB TB` powers of 1000.
public enum ByteSize {
  private static let units: [(name: String, bytes: Int)] = [
    ("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000), ("KB", 1000), ("B", 1), ("", 1),
  ]

  /// Reads a size; `nil` when the text is none or too large to be an `Int`.
  public static func parse(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    var name = text.dropFirst(digits.count)
    if name.first == " " { name = name.dropFirst() }
    guard let number = Int(decimal: digits), let unit = units.first(where: { $0.name == name }) else { return nil }
    let (bytes, tooLarge) = number.multipliedReportingOverflow(by: unit.bytes)
    return tooLarge ? nil : bytes
  }

  /// The size in the largest power of 1024 that divides it; reads back to the same number.
  public static func string(_ bytes: Int) -> String {
    for (name, size) in units.prefix(4) where bytes >= size && bytes % size == 0 {
      return "\(bytes / size)\(name)"
    }
    return String(bytes)
  }
}
