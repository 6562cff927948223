import APIClient
import ArgumentParser
import Foundation
import Testing
import TimeSeries

@testable import promring

/// The commands that ask a running gateway.
@Suite struct AskingTests {
  static func request(_ arguments: [String], now: Double = 1_000_000) throws -> String {
    let command = try #require(try Promring.parseAsRoot(["query", "up"] + arguments) as? QueryCommand)
    let request = command.request("up", now: now)
    return request.path + request.parameters.map { " \($0.name)=\($0.value)" }.joined()
  }

  @Test(arguments: [
    ([], "/api/v1/query query=up"), (["--time", "5"], "/api/v1/query query=up time=5"),
    (["--since", "2m"], "/api/v1/query_range query=up start=999880.0 end=1000000.0 step=2.0"),
    (["--since", "2m", "--step", "1m"], "/api/v1/query_range query=up start=999880.0 end=1000000.0 step=60.0"),
    (["--start", "7", "--end", "9", "--step", "1s"], "/api/v1/query_range query=up start=7 end=9 step=1.0"),
    (["--start", "7", "--step", "1s"], "/api/v1/query_range query=up start=7 end=1000000.0 step=1.0"),
  ])
  func `options make the request`(arguments: [String], request: String) throws {
    #expect(try AskingTests.request(arguments) == request)
  }

  @Test func `samples are selected by what the gateway calls it`() throws {
    let arguments = ["samples", "up", "x{a=\"b\"}", "--since", "5m", "--limit", "3", "--order", "newest", "-o", "csv"]
    let command = try #require(try Promring.parseAsRoot(arguments) as? SamplesCommand)
    #expect(
      command.parameters.map { "\($0.name)=\($0.value)" } == [
        "match[]=up", "match[]=x{a=\"b\"}", "since=5m", "limit=3", "order=newest", "format=csv",
      ])
  }

  @Test(arguments: [
    (["query"], "Missing expected argument '<expression>'"), (["query", "up", "--end", "1"], "--end needs --start"),
    (["query", "up", "--start", "1"], "--start needs --step"),
    (["query", "up", "--step", "1s"], "--step needs --since or --start"),
    (["query", "up", "--time", "1", "--since", "1m"], "--time and --since exclude each other"),
    (["query", "up", "--username", "me"], "--username and --password-file: each needs the other"),
    (["query", "up", "--tls-key-file", "k"], "--tls-cert-file and --tls-key-file: each needs the other"),
    (["query", "up", "-o", "xml"], "The value 'xml' is invalid for '-o <output>'"),
    (["samples"], "Missing expected argument '<selector> ...'"),
    (["samples", "up", "--follow", "-o", "csv"], "--follow prints --output table or ndjson"),
    (["samples", "up", "--since", "1m", "--start", "1"], "--since and --start exclude each other"),
    (["samples", "up", "--limit", "0"], "--limit: 0 is no whole number from 1"),
    (["check", "--yaml", "-o", "json"], "--yaml and --output json exclude each other"),
  ])
  func `what does not go together is refused`(arguments: [String], message: String) {
    #expect {
      try Promring.parseAsRoot(arguments)
    } throws: {
      let outcome = Outcome(of: $0)
      return outcome.status == 2 && outcome.text.hasPrefix(message)
    }
  }

  @Test func `an error of the parser is shown at its place`() {
    func shown(_ text: String, _ query: String) -> String {
      "\(QueryCommand.pointed(.status(400, type: "bad_data", text: text), at: query))"
    }
    let text = "invalid parameter \"query\": 2:6: parse error: unexpected )"
    #expect(
      shown(text, "up\n+ käse)") == text + "\n  + käse)\n      ^"
    )
    for other in ["1:99: parse error: x", "9:1: parse error: x", "0:0: parse error: x", "query timed out"] {
      #expect(shown(other, "up") == other)
    }
  }

  @Test(arguments: [
    (
      #"{"resultType":"vector","result":[{"metric":{"__name__":"up","a":"b"},"value":[1.5,"7"]}]}"#,
      "SERIES     VALUE\nup{a=\"b\"}      7\n"
    ),
    (#"{"resultType":"vector","result":[{"metric":{},"value":[1.5,"NaN"]}]}"#, "SERIES  VALUE\n{}        NaN\n"),
    (#"{"resultType":"vector","result":[]}"#, "nothing matches\n"),
    (#"{"resultType":"scalar","result":[1,"2"]}"#, "2\n"),
    (#"{"resultType":"string","result":[1,"te\u001bxt"]}"#, "te\\u{1b}xt\n"),
    (
      #"{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"],[3,"3"]]},{"metric":{},"values":[[2,"NaN"]]}]}"#,
      "POINTS  LAST  MIN  MAX  COURSE  SERIES\n     2     3    1    3  ▁ █     {a=\"b\"}\n     1   NaN  NaN  NaN          {}\n"
    ),
  ])
  func `answers become tables`(data: String, text: String) throws {
    let result = try QueryResult(json: Data(#"{"status":"success","data":\#(data)}"#.utf8))
    #expect(Results.text(result.value, for: Terminal(width: nil, hasColors: false)) == text)
  }

  @Test(arguments: ["", "<html>", "{}", #"{"data":{"resultType":"tree","result":[]}}"#])
  func `what is no answer is an error`(json: String) {
    #expect(throws: APIError.self) { try QueryResult(json: Data(json.utf8)) }
  }

  @Test func `a delivered sample becomes a line, and what is none stays as it is`() {
    func line(_ json: String) -> String? { Array(json.utf8).withUnsafeBytes(Results.line(delivered:)) }
    #expect(
      line(#"{"__name__":"up","job":"node","value":"1","timestamp":"1698732988354"}"#)
        == "2023-10-31T06:16:28.354Z  1  up{job=\"node\"}")
    #expect(line(#"{"__name__":"up","value":1,"timestamp":"1698732988354"}"#) == nil)
    #expect(line(#"{"__name__":"up","value":"1"}"#) == nil)
    #expect(line("[") == nil)
  }

  @Test(arguments: CompletionCommand.Shell.allCases)
  func `there is a completion script for every shell`(shell: CompletionCommand.Shell) throws {
    let script = Promring.completionScript(for: CompletionShell(rawValue: shell.rawValue)!)
    for command in ["serve", "query", "samples", "tail", "check"] { #expect(script.contains(command)) }
    #expect(script.contains("kafka-brokers"))
  }
}
