internal import APIClient
internal import ArgumentParser
internal import Configuration
internal import Foundation
internal import TimeSeries

struct SamplesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "samples",
    abstract: "Print samples that a running gateway holds, or those that arrive.",
    discussion: """
      Selects by labels and prints the samples as they were delivered, series by series, oldest first. Several \
      selectors select what any of them does.

      EXAMPLES:
        promring samples 'up{job="node"}' --since 1m
        promring samples '{instance="10.0.0.7:9100"}' --since 5m --output csv > samples.csv
        promring samples 'node_load1' --follow
            Print each sample as it arrives, until Ctrl-C.
      """)

  enum Output: String, ExpressibleByArgument, CaseIterable { case table, json, ndjson, csv }
  enum Order: String, ExpressibleByArgument, CaseIterable { case oldest, newest }

  @Argument(help: ArgumentHelp("Series selectors, such as up{job=\"node\"}.", valueName: "selector"))
  var selectors: [String]

  @Option(help: ArgumentHelp("Only samples of at most this age.", valueName: "duration"))
  var since: DurationArgument?

  @Option(help: ArgumentHelp("Only samples from this time on: Unix seconds or RFC 3339.", valueName: "time"))
  var start: String?

  @Option(help: ArgumentHelp("Only samples until this time.", valueName: "time"))
  var end: String?

  @Option(help: ArgumentHelp("At most so many samples.", valueName: "count"))
  var limit: Int?

  @Option(help: "Which samples of a series come first.")
  var order = Order.oldest

  @Flag(name: [.short, .long], help: "Print what arrives from now on, after that of --since if it is given.")
  var follow = false

  @Option(name: [.short, .long], help: "Form of the answer; --follow has table and ndjson.")
  var output = Output.table

  @OptionGroup(title: "Server Options") var server: ServerOptions

  func validate() throws {
    if since != nil, start != nil { throw ValidationError("--since and --start exclude each other") }
    if let limit, limit < 1 { throw ValidationError("--limit: \(limit) is no whole number from 1") }
    guard follow else { return }
    if start != nil || end != nil { throw ValidationError("--follow excludes --start and --end; --since goes with it") }
    if order == .newest { throw ValidationError("--follow prints the oldest first") }
    if output == .json || output == .csv { throw ValidationError("--follow prints --output table or ndjson") }
  }

  func run() throws { try follow ? runFollowing() : runOnce() }

  private func runOnce() throws {
    if output == .ndjson || output == .csv {
      try server.ask { client throws(APIError) in
        try client.stream("/api/v1/samples", parameters) { bytes in
          FileHandle.standardOutput.write(Data(bytes))
          return true
        }
      }
      return
    }
    let json = try server.ask { client throws(APIError) in try client.get("/api/v1/samples", parameters) }
    if output == .json {
      FileHandle.standardOutput.write(json)
      return
    }
    try Results.print(json) { value, terminal in
      guard case .matrix(let series) = value else { return Results.text(value, for: terminal) }
      return Results.samples(series, for: terminal)
    }
  }

  /// As the gateway names them.
  var parameters: [(name: String, value: String)] {
    var parameters = selectors.map { (name: "match[]", value: $0) }
    if let since { parameters.append(("since", "\(since)")) }
    if follow { return parameters + [("format", "ndjson")] }
    if let start { parameters.append(("start", start)) }
    if let end { parameters.append(("end", end)) }
    if let limit { parameters.append(("limit", "\(limit)")) }
    parameters.append(("order", order.rawValue))
    parameters.append(("format", output == .table ? "json" : output.rawValue))
    return parameters
  }

  private func runFollowing() throws {
    let lines = FollowedLines(asTable: output == .table, limit: limit)
    try server.ask { client throws(APIError) in
      try client.stream("/api/v1/samples/stream", parameters) { lines.take($0) }
    }
    if let problem = lines.problem { throw ProgramError(problem) }
    if !lines.isFull { throw ProgramError("the gateway has ended the stream: it is stopping; repeat the command") }
  }
}

/// Samples that arrive, line by line, on standard output.
private final class FollowedLines {
  private let asTable: Bool
  private let limit: Int?
  private var rest = Data()
  private var count = 0
  /// What came that is no sample, if anything did.
  private(set) var problem: String?

  init(asTable: Bool, limit: Int?) {
    self.asTable = asTable
    self.limit = limit
  }

  /// Whether there have been as many as were asked for.
  var isFull: Bool { limit.map { count >= $0 } ?? false }

  /// Takes a part of the stream; false when no more is wanted.
  func take(_ bytes: UnsafeRawBufferPointer) -> Bool {
    rest.append(contentsOf: bytes)
    var printed = Data()
    while !isFull, problem == nil, let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
      let line = rest[rest.startIndex..<end]
      // An empty one says that the connection lives.
      if !line.isEmpty { print(line, to: &printed) }
      rest = Data(rest[(end + 1)...])
    }
    FileHandle.standardOutput.write(printed)
    return !isFull && problem == nil
  }

  private func print(_ line: Data, to printed: inout Data) {
    guard let told = try? JSONDecoder().decode(StreamLine.self, from: line) else {
      problem = "this is no stream of samples: \(String(decoding: line.prefix(100), as: UTF8.self))"
      return
    }
    switch told {
    case .missed(let samples):
      StandardError.write("promring: \(samples) samples left out: they came faster than they were taken\n")
    case .sample(let labels, let point):
      count += 1
      if asTable {
        printed.append(Data("\(Results.line(labels, point, for: .output))\n".utf8))
      } else {
        printed.append(line)
        printed.append(UInt8(ascii: "\n"))
      }
    }
  }
}
