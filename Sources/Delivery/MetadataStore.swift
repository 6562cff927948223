internal import Synchronization
internal import TimeSeries
public import Wire

/// What senders have said of metric families: types, helps and units, which the delivered format does not carry. For
/// this process alone: others that read the topic learn nothing of it.
public final class MetadataStore: Sendable {
  /// Families that are remembered; later ones are not.
  static let familiesMax = 50_000
  static let helpBytesMax = 1024

  public struct Family: Sendable, Equatable {
    public var type: MetricType
    public var help: String
    public var unit: String
  }

  private struct State {
    var families: [[UInt8]: Family] = [:]
    var version = 0
  }

  private let state = Mutex(State())

  public init() {}

  /// Grows with each change.
  public var version: Int { state.withLock { $0.version } }

  public func family(_ name: String) -> Family? { state.withLock { $0.families[Array(name.utf8)] } }

  /// All that is known, by family name.
  public func all() -> [String: Family] {
    let families = state.withLock { $0.families }
    return Dictionary(families.map { (String(decoding: $0.key, as: UTF8.self), $0.value) }) { first, _ in first }
  }

  func learn(_ metadata: FamilyMetadata) {
    let name = Self.familyName(metadata)
    let family = Family(
      type: metadata.type, help: Self.text(metadata.help, bytesMax: Self.helpBytesMax),
      unit: Self.text(metadata.unit, bytesMax: 64))
    state.withLock { state in
      guard state.families[name] != family else { return }
      guard state.families[name] != nil || state.families.count < Self.familiesMax else { return }
      state.families[name] = family
      state.version += 1
    }
  }

  /// Version 2 tells it with each series, whose name may have a suffix that is no part of the family's.
  private static func familyName(_ metadata: FamilyMetadata) -> [UInt8] {
    let name = Array(metadata.name)
    let suffixes =
      switch metadata.type {
      case .histogram: ["_bucket", "_sum", "_count"]
      case .summary: ["_sum", "_count"]
      case .gaugeHistogram: ["_bucket", "_gsum", "_gcount"]
      default: [] as [String]
      }
    for suffix in suffixes
    where name.count > suffix.utf8.count && name.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) {
      return Array(name.dropLast(suffix.utf8.count))
    }
    return name
  }

  private static func text(_ bytes: UnsafeRawBufferPointer, bytesMax: Int) -> String {
    var end = min(bytes.count, bytesMax)
    // Not within a character.
    while end > 0, end < bytes.count, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[..<end]), as: UTF8.self)
  }
}
