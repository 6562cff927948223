internal import Configuration
internal import Delivery
internal import Synchronization
internal import TimeSeries
internal import Wire

/// What is known of metric families beside their samples: what the operator says, and else what senders of remote write
/// have said.
final class Declarations: Sendable {
  private let configured: [String: MetricDeclaration]
  private let learned: MetadataStore
  /// Put together anew when senders have said something else.
  private let merged: Mutex<(version: Int, declarations: [String: MetricDeclaration])>

  init(_ configured: [String: MetricDeclaration], _ learned: MetadataStore) {
    self.configured = configured
    self.learned = learned
    merged = Mutex((0, configured))
  }

  /// By family name.
  var all: [String: MetricDeclaration] {
    merged.withLock { merged in
      let version = learned.version
      guard version != merged.version else { return merged.declarations }
      var declarations = learned.all().mapValues { family in
        MetricDeclaration(family.type, help: family.help.isEmpty ? nil : family.help)
      }
      for (name, declaration) in configured { declarations[name] = declaration }
      merged = (version, declarations)
      return declarations
    }
  }

  /// The unit of a family; empty when nobody has told.
  func unit(of family: String) -> String { learned.family(family)?.unit ?? "" }
}
