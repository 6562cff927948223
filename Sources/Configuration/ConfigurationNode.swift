/// A YAML document as far as configuration needs it, positions kept: what the reader of the file hands to the loader.
/// Every scalar is text here; the setting that it belongs to says what the text means.
public struct ConfigurationNode: Sendable {
  public enum Content: Sendable {
    /// A key with nothing behind it, or `null`.
    case absent
    case scalar(String)
    case list([ConfigurationNode])
    case map([Entry])
  }

  public struct Entry: Sendable {
    public var key: String
    /// Position of the key; line and column count from 1.
    public var line: Int
    public var column: Int
    public var value: ConfigurationNode

    public init(key: String, line: Int, column: Int, value: ConfigurationNode) {
      self.key = key
      self.line = line
      self.column = column
      self.value = value
    }
  }

  public var content: Content
  /// Position of the value; line and column count from 1.
  public var line: Int
  public var column: Int

  public init(_ content: Content, line: Int, column: Int) {
    self.content = content
    self.line = line
    self.column = column
  }

  /// What a user would call the content.
  var kindName: String {
    switch content {
    case .absent: "nothing"
    case .scalar: "a single value"
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// What stands at the end of a path of keys, or as near to it as there is something.
  func nearest(to keys: [String]) -> ConfigurationNode {
    guard let key = keys.first, case .map(let entries) = content,
      let entry = entries.first(where: { $0.key == key })
    else { return self }
    return entry.value.nearest(to: Array(keys.dropFirst()))
  }
}
