import Testing
import TimeSeries

@testable import Gateway

@Suite struct JSONLabelsTests {
  @Test func `labels that series share are copied, whatever follows them`() {
    let sets = [
      ["a": "1"], ["a": "1", "b": "2"], ["a": "1", "b": "2", "c": "\"3\""], ["a": "1"], ["b": "2"],
      ["a": "0", "b": "2"],
      ["a": "0", "b": "2"], [:], ["a": "0"],
    ].map { LabelSet($0.map { Label($0.key, $0.value) }) }
    var texts = JSONLabels()
    var out = ByteWriter()
    var before: LabelSet?
    for set in sets {
      var changes = LabelChanges.all
      for (place, label) in set.labels.enumerated() where before.map({ place < $0.labels.count }) ?? false {
        if before?.labels[place] == label { changes.remove(place) }
      }
      set.withLabelBytes { texts.append($0, changes, to: &out) }
      out.append("\n")
      before = set
    }
    #expect(
      out.string() == """
        {"a":"1"}
        {"a":"1","b":"2"}
        {"a":"1","b":"2","c":"\\"3\\""}
        {"a":"1"}
        {"b":"2"}
        {"a":"0","b":"2"}
        {"a":"0","b":"2"}
        {}
        {"a":"0"}

        """)
  }
}
