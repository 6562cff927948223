internal import Synchronization

/// Reads the files that say who may reach the HTTP server, again and again if need be.
public struct WebConfigLoader: Sendable {
  /// What a reading came to.
  public struct Reading: Sendable {
    public let result: Result<WebConfig, ConfigurationError>
    /// Every file that was asked for, whether or not it could be read: if it failed, one of them has to change.
    public let files: [String]
  }

  private let web: ServeConfiguration.Web
  private let readFile: @Sendable (String) throws(FileProblem) -> String
  private let parseYAML: @Sendable (String, String) throws(ConfigurationError) -> ConfigurationNode
  private let problem: @Sendable (WebConfig) -> WebConfigProblem?

  /// - Parameter problem: looks at what this target cannot: certificates, hashes, names of algorithms.
  public init(
    _ web: ServeConfiguration.Web,
    readFile: @escaping @Sendable (String) throws(FileProblem) -> String,
    parseYAML: @escaping @Sendable (String, String) throws(ConfigurationError) -> ConfigurationNode,
    problem: @escaping @Sendable (WebConfig) -> WebConfigProblem?
  ) {
    self.web = web
    self.readFile = readFile
    self.parseYAML = parseYAML
    self.problem = problem
  }

  public func read() -> Reading {
    let asked = Asked()
    let readFile = readFile
    let result: Result<WebConfig, ConfigurationError>
    do throws(ConfigurationError) {
      result = .success(
        try load { path throws(FileProblem) in
          asked.files.withLock { $0.append(path) }
          return try readFile(path)
        })
    } catch {
      result = .failure(error)
    }
    return Reading(result: result, files: asked.files.withLock { $0 })
  }

  private final class Asked: Sendable {
    let files = Mutex<[String]>([])
  }

  private func load(
    _ readFile: @escaping @Sendable (String) throws(FileProblem) -> String
  ) throws(ConfigurationError) -> WebConfig {
    var config = WebConfig()
    var root = ConfigurationNode(.absent, line: 1, column: 1)
    if !web.configFile.isEmpty {
      let text = try read(web.configFile, named: "web.config-file", readFile)
      root = try parseYAML(text, web.configFile)
      config = try WebConfigReader(file: web.configFile, readFile: readFile).config(root)
    }
    if !web.bearerTokenFile.isEmpty {
      let text = try read(web.bearerTokenFile, named: "web.bearer-token-file", readFile)
      config.tokens = try BearerTokens.parse(text, file: web.bearerTokenFile)
    }
    if let problem = problem(config) {
      let place = root.nearest(to: problem.keys)
      throw ConfigurationError(
        .file(
          web.configFile, line: place.line, column: place.column, key: problem.keys.joined(separator: ".")),
        problem.reason)
    }
    return config
  }

  private func read(
    _ path: String, named setting: String, _ readFile: @Sendable (String) throws(FileProblem) -> String
  ) throws(ConfigurationError) -> String {
    do {
      return try readFile(path)
    } catch {
      throw ConfigurationError(
        .option(Setting.at(setting).option), "the file \(path.quoted) cannot be read: \(error.reason)")
    }
  }
}

/// `web.bearer-token-file`: a token a line. What follows a `#` is a comment, for whom the token is.
enum BearerTokens {
  /// Less could be guessed: a token is not slowed down as a password is.
  static let lengthMin = 16
  private static let letters = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/=".utf8)

  /// - Throws: the first line that is none; it is not quoted.
  static func parse(_ text: String, file: String) throws(ConfigurationError) -> [String] {
    var tokens: [String] = []
    for (i, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      func refuse(_ message: String) -> ConfigurationError {
        ConfigurationError(.file(file, line: i + 1, column: 1, key: ""), message)
      }
      let token = String(line.prefix { $0 != "#" }).trimmed
      if token.isEmpty { continue }
      // RFC 6750 section 2.1.
      guard token.utf8.allSatisfy({ letters.contains($0) }) else {
        throw refuse("no token; it is made of letters, digits and -._~+/=, and a comment behind it begins with #")
      }
      guard token.utf8.count >= lengthMin else {
        throw refuse("the token is too short: \(lengthMin) characters at least, such as `openssl rand -hex 32` makes")
      }
      tokens.append(token)
    }
    guard !tokens.isEmpty else {
      throw ConfigurationError(.file(file, line: 0, column: 0, key: ""), "there is no token in it")
    }
    return tokens
  }
}
