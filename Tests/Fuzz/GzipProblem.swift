@testable import HTTPServer

/// What is wrong with how a compressed body is unpacked, if anything: any bytes give a text within the limit or an error
/// that names a place, and what is packed unpacks to itself.
func problemOfGzip(_ input: [UInt8]) -> String? {
  for limit in [1 << 20, 100] {
    do throws(CompressionError) {
      let plain = try gunzip(input, limit: limit)
      if plain.count > limit { return "\(plain.count) bytes, of \(limit) at most" }
    } catch {
      if case .malformed(let offset, _) = error, !(0...input.count).contains(offset) { return "\(error)" }
    }
  }
  guard let deflater = Deflater(.gzip) else { return "no memory to compress" }
  var packed: [UInt8] = []
  let half = input.count / 2
  deflater.compress(Array(input[..<half]), isLast: false, into: &packed)
  deflater.compress(Array(input[half...]), isLast: true, into: &packed)
  // Twice: members may follow one another.
  guard let plain = try? gunzip(packed + packed, limit: 2 * input.count), plain == input + input else {
    return "what was packed does not unpack to itself"
  }
  return nil
}
