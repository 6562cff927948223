import Configuration
import Testing
import TimeSeries

@testable import Delivery

@Suite struct LabellingTests {
  private static func deliver(_ labels: [String: String], _ lines: [String]) throws -> [String: String] {
    let labelling = Labelling(try TaskLines.labels(lines))
    return LabelSet(labels.map { Label($0.key, $0.value) }).withLabelBytes { labels in
      labelling.withLabels(labels) { final, _ in
        #expect(zip(final, final.dropFirst()).allSatisfy { $0.name.lexicographicallyPrecedes($1.name) })
        return Dictionary(uniqueKeysWithValues: final.map { ($0.label.name, $0.label.value) })
      }
    }
  }

  @Test func `lines are attached, and what had their names moves`() throws {
    let labels = ["__name__": "up", "job": "a", "zone": "z"]
    #expect(try Self.deliver(labels, []) == labels)
    #expect(
      try Self.deliver(labels, ["deliver_test_key1=ssss", "job=b"]) == [
        "__name__": "up", "deliver_test_key1": "ssss", "exported_job": "a", "job": "b", "zone": "z",
      ])
  }

  @Test func `a name is prefixed until it is free`() throws {
    #expect(
      try Self.deliver(["__name__": "up", "a": "1", "exported_a": "2"], ["a=3"]) == [
        "__name__": "up", "a": "3", "exported_a": "2", "exported_exported_a": "1",
      ])
    #expect(
      try Self.deliver(["__name__": "up", "a": "1", "exported_a": "2"], ["a=3", "exported_a=4"]) == [
        "__name__": "up", "a": "3", "exported_a": "4", "exported_exported_a": "1",
        "exported_exported_exported_a": "2",
      ])
  }

  @Test func `the names of the format itself are free for it, and such labels are counted`() throws {
    let labels = ["__name__": "up", "exported_value": "1", "timestamp": "2", "value": "3"]
    #expect(
      try Self.deliver(labels, ["x=y"]) == [
        "__name__": "up", "exported_exported_value": "3", "exported_timestamp": "2", "exported_value": "1", "x": "y",
      ])
    let labelling = Labelling([])
    let count = LabelSet(labels.map { Label($0.key, $0.value) }).withLabelBytes { labelling.withLabels($0) { $1 } }
    #expect(count == 2)
  }
}
