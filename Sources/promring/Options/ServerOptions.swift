internal import APIClient
internal import ArgumentParser
internal import Configuration
internal import Foundation
internal import Glibc

/// The running gateway that a command asks, and who asks.
struct ServerOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The gateway to ask, with its path prefix; any server of the Prometheus API will do for queries. (default: "
        + "PROMRING_URL of the environment, or http://127.0.0.1:9797)", valueName: "url"))
  var url: String?

  @Option(help: ArgumentHelp("User name; needs --password-file.", valueName: "name"))
  var username: String?

  @Option(
    help: ArgumentHelp("File with the user's password.", valueName: "file"), completion: .file())
  var passwordFile: String?

  @Option(help: ArgumentHelp("File with a bearer token.", valueName: "file"), completion: .file())
  var bearerTokenFile: String?

  @Option(
    help: ArgumentHelp("Certificates (PEM) that vouch for the gateway.", valueName: "file"), completion: .file())
  var tlsCaFile: String?

  @Option(help: ArgumentHelp("Client certificate (PEM); needs --tls-key-file.", valueName: "file"), completion: .file())
  var tlsCertFile: String?

  @Option(help: ArgumentHelp("Key of the client certificate (PEM).", valueName: "file"), completion: .file())
  var tlsKeyFile: String?

  @Option(
    help: ArgumentHelp(
      "How long to wait for a gateway that is still reading its window from Kafka; on a terminal with a progress bar.",
      valueName: "duration"))
  var wait = DurationArgument(.seconds(60))

  func validate() throws {
    if (username == nil) != (passwordFile == nil) {
      throw ValidationError("--username and --password-file: each needs the other")
    }
    if username != nil, bearerTokenFile != nil {
      throw ValidationError("--username and --bearer-token-file exclude each other")
    }
    if (tlsCertFile == nil) != (tlsKeyFile == nil) {
      throw ValidationError("--tls-cert-file and --tls-key-file: each needs the other")
    }
  }

  /// Asks the gateway by `body`, once it has read its window, and says what to do when that fails.
  func ask<R>(_ body: (APIClient) throws(APIError) -> R) throws -> R {
    let base = url ?? ServerOptions.urlOfEnvironment ?? "http://127.0.0.1:9797"
    do {
      let client = try APIClient(base, access: try access(), userAgent: "promring/\(ProgramVersion.current)")
      try awaitWindow(client)
      return try body(client)
    } catch let error as APIError {
      throw ProgramError(ServerOptions.text(for: error))
    }
  }

  private static var urlOfEnvironment: String? {
    getenv("PROMRING_URL").map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  private func access() throws -> APIClient.Access {
    var access = APIClient.Access(caFile: tlsCaFile, certificateFile: tlsCertFile, keyFile: tlsKeyFile)
    for (option, path) in [
      ("--tls-ca-file", tlsCaFile), ("--tls-cert-file", tlsCertFile), ("--tls-key-file", tlsKeyFile),
    ] {
      if let path { _ = try ServerOptions.contents(path, option) }
    }
    if let username, let passwordFile {
      let password = try ServerOptions.contents(passwordFile, "--password-file")
      access.credentials = .basic(user: username, password: password)
    } else if let bearerTokenFile {
      access.credentials = .bearer(try ServerOptions.contents(bearerTokenFile, "--bearer-token-file"))
    }
    return access
  }

  /// Without the line break at the end that editors leave.
  private static func contents(_ path: String, _ option: String) throws -> String {
    do {
      let text = try String(contentsOfFile: path, encoding: .utf8)
      return text.hasSuffix("\n") ? String(text.dropLast()) : text
    } catch {
      throw ValidationError("\(option): \(path) cannot be read")
    }
  }

  // MARK: Waiting for the window

  /// Half a window looks like the whole: a gateway that has just started is waited for.
  private func awaitWindow(_ client: APIClient) throws(APIError) {
    var bar = ProgressBar()
    defer { bar.clear() }
    let deadline = ContinuousClock.now + wait.duration
    while let replay = try Replay(client) {
      guard ContinuousClock.now < deadline else {
        bar.clear()
        let share = "\(replay.current) of \(replay.max) records"
        return StandardError.write(
          "promring: the window is still being read from Kafka (\(share)): samples are missing\n")
      }
      bar.show("reading the window from Kafka", done: replay.current, of: replay.max)
      Thread.sleep(forTimeInterval: 0.1)
    }
  }

  /// How far a gateway that has not read its window yet is.
  private struct Replay: Decodable {
    struct Progress: Decodable {
      let max: Int
      let current: Int
    }

    let data: Progress
    var current: Int { data.current }
    var max: Int { data.max }

    /// `nil` when it has, or when this is none that could tell.
    init?(_ client: APIClient) throws(APIError) {
      let body: Data
      do throws(APIError) {
        body = try client.get("/api/v1/status/walreplay")
      } catch {
        guard case .status(let status, _, _) = error, status == 404 || status == 405 else { throw error }
        return nil
      }
      guard let read = try? JSONDecoder().decode(Replay.self, from: body), read.current < read.max else { return nil }
      self = read
    }
  }

  // MARK: What to do next

  static func text(for error: APIError) -> String {
    switch error {
    case .url: "--url: \(error)"
    case .connection: "\(error)\nIs promring serving there? --url or PROMRING_URL names another address."
    case .status(401, _, _):
      "\(error)\nThe gateway wants credentials: --username with --password-file, or --bearer-token-file."
    case .status(403, _, _): "\(error)\nThese credentials are not enough for that."
    case .status(404, nil, _):
      "\(error)\nDoes --url name promring, with its path prefix (--web-path-prefix of serve)?"
    case .status(503, nil, _):
      "\(error)\nThe gateway is starting or stopping; /-/ready says what it waits for."
    case .status, .answer: "\(error)"
    }
  }
}
