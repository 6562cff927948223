internal import Configuration
internal import Foundation
internal import Gateway
internal import Glibc

extension ConfigurationLoader {
  /// The loader of this process: its environment, its files, its librdkafka.
  init(options: [(setting: Setting, texts: [String])]) {
    self.init(
      readFile: { path throws(FileProblem) in try TextFile.read(path) },
      parseYAML: { text, path throws(ConfigurationError) in try YAMLFile.parse(text, path: path) })
    self.options = options
    environment = ProcessInfo.processInfo.environment
    kafkaProblem = Programs.kafkaProblem
  }
}

extension WebConfigLoader {
  /// Reads the files that a configuration names; `nil` if it names none.
  init?(of configuration: ServeConfiguration) {
    let web = configuration.web
    guard !web.configFile.isEmpty || !web.bearerTokenFile.isEmpty else { return nil }
    self.init(
      web, readFile: { path throws(FileProblem) in try TextFile.read(path) },
      parseYAML: { text, path throws(ConfigurationError) in try YAMLFile.parse(text, path: path) },
      problem: WebConfig.findProblem)
  }

  /// Reads them once, for what is wrong with them.
  static func check(_ configuration: ServeConfiguration) throws {
    _ = try WebConfigLoader(of: configuration)?.read().result.get()
  }
}

/// Small text files: settings and secrets.
enum TextFile {
  /// Nothing that belongs here is larger.
  private static let bytesMax = 4 << 20

  static func read(_ path: String) throws(FileProblem) -> String {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw FileProblem(String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &block, block.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw FileProblem(String(cString: strerror(errno))) }
      if count == 0 { break }
      bytes.append(contentsOf: block[..<count])
      guard bytes.count <= bytesMax else { throw FileProblem("it has more than \(ByteSize.string(bytesMax))") }
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw FileProblem("it is not UTF-8 text") }
    return text
  }
}
