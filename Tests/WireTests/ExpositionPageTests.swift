import Foundation
import Testing
import TimeSeries
import Wire

/// Pages that a real Prometheus and Python's client have read, and what they found on each. `Tests/Integration` sees to
/// it that this is what they still say.
struct ExpositionPageTests {
  struct Page: Decodable, Sendable, CustomTestStringConvertible {
    let name: String
    let format: ExpositionFormat
    let bytes: [UInt8]
    /// `nil` for a page that is refused.
    let samples: Set<PageCollector.Sample>?

    var testDescription: String { "\(name) (\(format))" }

    private enum Key: CodingKey { case name, format, page, hex, samples }

    private struct Sample: Decodable {
      let sample: PageCollector.Sample

      init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        let labels = try list.decode([String: String].self).map { Label($0.key, $0.value) }
        let bits = try list.decode(String.self)
        let timestamp = try list.decodeNil() ? nil : list.decode(Int64.self)
        sample = PageCollector.Sample(
          labels: LabelSet(labels), bits: UInt64(bits, radix: 16) ?? StaleMarker.normalNaNBits, timestamp: timestamp)
      }
    }

    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: Key.self)
      name = try fields.decode(String.self, forKey: .name)
      format = try fields.decode(String.self, forKey: .format) == "text" ? .text004 : .openMetrics100
      if let page = try fields.decodeIfPresent(String.self, forKey: .page) {
        bytes = Array(page.utf8)
      } else {
        let hex = try Array(fields.decode(String.self, forKey: .hex).utf8)
        bytes = stride(from: 0, to: hex.count, by: 2).map { i in
          UInt8(String(decoding: hex[i..<i + 2], as: UTF8.self), radix: 16) ?? 0
        }
      }
      samples = try fields.decodeIfPresent([Sample].self, forKey: .samples).map { Set($0.map(\.sample)) }
    }
  }

  static let all: [Page] = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "pages/pages.json")
    let pages = try? JSONDecoder().decode([Page].self, from: Data(contentsOf: file))
    return pages ?? []
  }()

  @Test func `there are pages`() {
    #expect(ExpositionPageTests.all.count > 250)
  }

  @Test(arguments: all)
  func `a page says to us what it says to others`(page: Page) throws {
    let collector = PageCollector()
    if let samples = page.samples {
      for _ in 0..<2 {
        collector.removeAll()
        _ = try collector.take(page.bytes, page.format)
        #expect(Set(collector.samples).symmetricDifference(samples) == [])
        #expect(collector.samples.count == samples.count)
      }
    } else {
      #expect(throws: ExpositionError.self) { try collector.take(page.bytes, page.format) }
    }
    #expect(problemOfPage(page.bytes) == nil)
  }
}
