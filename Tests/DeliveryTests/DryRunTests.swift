import Configuration
import Testing
import TimeSeries

@testable import Delivery

@Suite struct DryRunTests {
  @Test func `it tells the line that rejects, and writes what would be delivered`() throws {
    let run = DryRun(
      filter: try TaskLines.filter(["__name__=up|down", "job=node"]), labels: try TaskLines.labels(["job=task"]),
      staleMarkers: .staleNaN)
    func look(_ labels: [String: String], _ value: Double) -> (Int?, String) {
      LabelSet(labels.map { Label($0.key, $0.value) }).withLabelBytes { labels in
        var writer = ByteWriter()
        run.write(labels, Sample(timestamp: 1_698_732_988_354, value: value), to: &writer)
        return (run.rejectingLine(labels), writer.string())
      }
    }
    #expect(look(["__name__": "other", "job": "node"], 1).0 == 0)
    #expect(look(["__name__": "up", "job": "api"], 1).0 == 1)
    let (line, text) = look(["__name__": "up", "job": "node"], 675)
    #expect(line == nil)
    #expect(
      text == #"{"__name__":"up","exported_job":"node","job":"task","value":"675","timestamp":"1698732988354"}"#)
    #expect(look(["__name__": "up"], StaleMarker.value).1.contains(#""value":"StaleNaN""#))
    let marker = Sample(timestamp: 0, value: StaleMarker.value)
    #expect(!run.isDropped(marker))
    let dropping = DryRun(filter: [], labels: [], staleMarkers: .drop)
    #expect(dropping.isDropped(marker) && !dropping.isDropped(Sample(timestamp: 0, value: .nan)))
  }
}
