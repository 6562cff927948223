internal import APIClient
internal import ArgumentParser
internal import Configuration
internal import Foundation

struct QueryCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "query",
    abstract: "Evaluate a PromQL expression in a running gateway.",
    discussion: """
      Prints a table; with --output json what the Prometheus API answered. Times are Unix seconds or RFC 3339.

      EXAMPLES:
        promring query 'sum by (job) (up)'
        promring query 'rate(node_cpu_seconds_total{mode="idle"}[1m])' --since 15m
            A line for each series: its last value, its range, its course.
        promring query up --start 2026-01-31T10:00:00Z --step 1m -o json
        promring query up --url https://promring.example --bearer-token-file token
      """)

  enum Output: String, ExpressibleByArgument, CaseIterable { case table, json }

  @Argument(help: ArgumentHelp("The expression; - reads it from standard input.", valueName: "expression"))
  var expression: String

  @Option(help: ArgumentHelp("Evaluate at this time instead of now.", valueName: "time"))
  var time: String?

  @Option(help: ArgumentHelp("Evaluate at many times: from this long ago until now.", valueName: "duration"))
  var since: DurationArgument?

  @Option(help: ArgumentHelp("Evaluate at many times: from this one on.", valueName: "time"))
  var start: String?

  @Option(help: ArgumentHelp("With --start: until this time. (default: now)", valueName: "time"))
  var end: String?

  @Option(
    help: ArgumentHelp("How far apart these times are. (default: 60 of them for --since)", valueName: "duration"))
  var step: DurationArgument?

  @Option(name: [.short, .long], help: "Form of the answer.")
  var output = Output.table

  @OptionGroup(title: "Server Options") var server: ServerOptions

  func validate() throws {
    let chosen = [("--time", time != nil), ("--since", since != nil), ("--start", start != nil)].filter(\.1)
    if chosen.count > 1 { throw ValidationError("\(chosen[0].0) and \(chosen[1].0) exclude each other") }
    if end != nil, start == nil { throw ValidationError("--end needs --start") }
    if start != nil, step == nil { throw ValidationError("--start needs --step") }
    if step != nil, start == nil, since == nil { throw ValidationError("--step needs --since or --start") }
    if let step, step.duration < .milliseconds(1) { throw ValidationError("--step: \(step) is too short, 1ms or more") }
    if let since, since.duration < .milliseconds(1) {
      throw ValidationError("--since: \(since) is too short, 1ms or more")
    }
  }

  func run() throws {
    let query = expression == "-" ? try QueryCommand.standardInput() : expression
    let request = request(query, now: Date().timeIntervalSince1970)
    let json = try server.ask { client throws(APIError) in
      do throws(APIError) {
        return try client.post(request.path, request.parameters)
      } catch {
        throw QueryCommand.pointed(error, at: query)
      }
    }
    switch output {
    case .table: try Results.print(json, as: Results.text)
    case .json: FileHandle.standardOutput.write(json)
    }
  }

  /// Where the request goes and what it says.
  func request(_ query: String, now: Double) -> (path: String, parameters: [(name: String, value: String)]) {
    if let since {
      let step = step?.duration ?? max(since.duration / 60, .milliseconds(1))
      let start = now - since.duration / .seconds(1)
      return (
        "/api/v1/query_range",
        [("query", query), ("start", "\(start)"), ("end", "\(now)"), ("step", "\(step / .seconds(1))")]
      )
    }
    if let start, let step {
      let step = step.duration / .seconds(1)
      return (
        "/api/v1/query_range",
        [("query", query), ("start", start), ("end", end ?? "\(now)"), ("step", "\(step)")]
      )
    }
    return ("/api/v1/query", [("query", query)] + (time.map { [("time", $0)] } ?? []))
  }

  private static func standardInput() throws -> String {
    let bytes = FileHandle.standardInput.readDataToEndOfFile()
    guard let text = String(data: bytes, encoding: .utf8) else {
      throw ValidationError("the expression on standard input is no UTF-8")
    }
    return text
  }

  /// Shows the place in the expression that an error of the parser names, as `line:column: parse error: …`.
  static func pointed(_ error: APIError, at query: String) -> APIError {
    guard case .status(let status, let type, let text) = error,
      let match = text.firstMatch(of: /(?:^|": )([0-9]+):([0-9]+): parse error/),
      let line = Int(match.1), let column = Int(match.2), line > 0, column > 0
    else { return error }
    let lines = query.split(separator: "\n", omittingEmptySubsequences: false)
    // A column counts bytes.
    guard line <= lines.count, column <= lines[line - 1].utf8.count + 1 else { return error }
    let before = String(decoding: lines[line - 1].utf8.prefix(column - 1), as: UTF8.self)
    let mark = String(repeating: " ", count: before.count) + "^"
    return .status(status, type: type, text: "\(text)\n  \(String(lines[line - 1]).terminalSafe)\n  \(mark)")
  }
}
