/// The two messages of remote write. Either decodes as the other, to nothing at all, so that only what the sender says
/// tells them apart.
public enum RemoteWriteVersion: Sendable, CaseIterable {
  /// prometheus.WriteRequest
  case version1
  /// io.prometheus.write.v2.Request
  case version2

  /// From a Content-Type, without which it is version 1; `nil` for any other, which is to be answered 415.
  public init?(contentType: String?) {
    guard let contentType else {
      self = .version1
      return
    }
    let parts = contentType.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
    guard parts[0].lowercased() == "application/x-protobuf" else { return nil }
    var message: Substring = "prometheus.WriteRequest"
    for part in parts.dropFirst() where !part.isEmpty {
      let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(Self.trimmed)
      guard pair.count == 2 else { return nil }
      if pair[0].lowercased() == "proto" { message = pair[1] }
    }
    switch message {
    case "prometheus.WriteRequest": self = .version1
    case "io.prometheus.write.v2.Request": self = .version2
    default: return nil
    }
  }

  private static func trimmed(_ text: Substring) -> Substring {
    let isBlank: (Character) -> Bool = { $0 == " " || $0 == "\t" }
    let start = text.drop(while: isBlank)
    return start.prefix(upTo: start.lastIndex { !isBlank($0) }.map { start.index(after: $0) } ?? start.startIndex)
  }
}
