import Foundation
import Testing

/// Runs every script in `scripts/`. Anyone can add cases there; `scripts/README` explains the language.
struct ScriptTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "scripts")

  static let names: [String] = {
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path())) ?? []
    return files.filter { $0.hasSuffix(".test") }.sorted()
  }()

  @Test(arguments: names)
  func `the evaluations of a script yield what it says`(name: String) throws {
    var script = Script(try String(contentsOf: ScriptTests.folder.appending(path: name), encoding: .utf8))
    script.run()
    for problem in script.problems { Issue.record("\(name) \(problem)") }
    #expect(script.evaluations > 0)
  }

  @Test func `there are scripts`() {
    #expect(ScriptTests.names.count >= 10)
  }

  @Test(
    arguments: [
      "eval instant at 0 1\n  scalar 2", "eval instant at 0 vector(1)", "eval instant at 0 vector(1)\n  {} 2",
      "eval instant at 0 vector(1)\n  {a=\"b\"} 1", "eval instant at 0 1\n  scalar 1\n  warn x",
      "eval instant at 0 foo bar\n  scalar 1", "eval instant at 0 1\n  fail", "nonsense",
      "eval instant at 0 foo bar\n  fail something else",
    ])
  func `a script that is wrong is found out`(text: String) {
    var script = Script(text)
    script.run()
    #expect(!script.problems.isEmpty)
  }
}
