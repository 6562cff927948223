internal import Glibc

/// Reads small text files below a root: `/` in earnest, a folder of fixtures in tests.
struct ProcFiles: Sendable {
  /// Without the slash at its end.
  let root: String

  init(root: String) { self.root = root.utf8.last == UInt8(ascii: "/") ? String(root.dropLast()) : root }

  /// The whole text of a file; `nil` when it cannot be opened or read. The kernel composes files of /proc while they
  /// are read and states no size, so this reads until there is no more.
  func text(_ path: String) -> String? {
    let file = open("\(root)/\(path)", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16 << 10)
    while true {
      let count = read(file, &chunk, chunk.count)
      if count == 0 { return String(decoding: bytes, as: UTF8.self) }
      if count < 0 {
        if errno == EINTR { continue }
        return nil
      }
      bytes.append(contentsOf: chunk[..<count])
    }
  }

  /// A file of one line, without its line feed and the blanks around it.
  func line(_ path: String) -> String? {
    text(path).map { text in String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
  }

  func lines(_ path: String) -> [Substring] { text(path)?.split(separator: "\n") ?? [] }

  /// The names in a folder, sorted; empty when it cannot be read.
  func names(in path: String) -> [String] {
    guard let folder = opendir("\(root)/\(path)") else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

extension StringProtocol {
  /// The words between blanks and tabs.
  var words: [Self.SubSequence] { split { $0 == " " || $0 == "\t" } }
}
