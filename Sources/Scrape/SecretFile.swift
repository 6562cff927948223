internal import Glibc

/// Reads small files whole.
enum SecretFile {
  /// No secret is longer, and no device is read for ever.
  private static let bytesMax = 64 << 10

  /// `nil`, with `errno` set, if it cannot be read.
  static func contents(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: bytesMax)
    var count = 0
    while count < bytesMax {
      let got = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress.map { $0 + count }, bytesMax - count) }
      if got < 0 {
        if errno == EINTR { continue }
        return nil
      }
      if got == 0 { break }
      count += got
    }
    return Array(bytes[..<count])
  }

  /// The system's sentence for the failure that `contents` met just now.
  static func lastProblem() -> String { String(cString: strerror(errno)) }
}
