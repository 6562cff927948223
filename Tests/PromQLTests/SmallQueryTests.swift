import Testing
import TimeSeries

@testable import PromQL

struct SmallQueryTests {
  /// A source in which selecting costs what the label `cost` says.
  private struct Priced: SampleSource {
    func select(_ matchers: [Matcher], from: Int64, through: Int64) throws(SourceError) -> any SeriesSelection {
      throw SourceError("nobody reads here")
    }

    func selectionCost(_ matchers: [Matcher]) -> Int {
      matchers.first { $0.name == "cost" }.flatMap { Int($0.value) } ?? Int(Int32.max)
    }
  }

  @Test(arguments: [
    ("1 + 1", 1, true), (#"m{cost="5"}"#, 1, true), (#"m{cost="5"}"#, 64, true), (#"m{cost="5"}"#, 65, false),
    (#"m{cost="4096"}"#, 1, true), (#"m{cost="4097"}"#, 1, false), ("m", 1, false),
    (#"m{cost="3000"} / n{cost="3000"}"#, 1, false), (#"sum(rate(m{cost="5"}[5m]))"#, 1, true),
    (#"sum(rate(m{cost="5"}[5m]))"#, 2, false), (#"max_over_time(m{cost="5"}[1h:1s])"#, 1, false),
    (#"label_replace(m{cost="5"}, "a", "$1", "b", "(.*)")"#, 1, false), (#"info(m{cost="5"})"#, 1, false),
  ])
  func `what takes microseconds is small`(query: String, steps: Int, isSmall: Bool) throws {
    var options = Engine.Options()
    options.features = .all
    let prepared = try Engine(options: options).prepare(query)
    #expect(prepared.mayBeSmall(steps: steps, in: Priced()) == isSmall)
  }

  @Test func `a long text is not small`() throws {
    let text = Array(repeating: "1", count: 600).joined(separator: "+")
    #expect(try !Engine().prepare(text).mayBeSmall(steps: 1, in: Priced()))
  }
}
