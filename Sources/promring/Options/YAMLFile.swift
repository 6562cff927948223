internal import Configuration
internal import Yams

/// Reads YAML into the tree that configuration is taken from, with the positions that error messages need.
enum YAMLFile {
  /// - Parameter path: for messages only.
  static func parse(_ text: String, path: String) throws(ConfigurationError) -> ConfigurationNode {
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      throw problem(error, path)
    }
    guard let root else { return ConfigurationNode(.absent, line: 1, column: 1) }
    return try convert(root, path)
  }

  private static func convert(_ node: Node, _ path: String) throws(ConfigurationError) -> ConfigurationNode {
    let (line, column) = (node.mark?.line ?? 1, node.mark?.column ?? 1)
    switch node {
    case .scalar(let scalar):
      let absent = scalar.style == .plain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
      return ConfigurationNode(absent ? .absent : .scalar(scalar.string), line: line, column: column)
    case .sequence(let elements):
      var nodes: [ConfigurationNode] = []
      for element in elements { nodes.append(try convert(element, path)) }
      return ConfigurationNode(.list(nodes), line: line, column: column)
    case .mapping(let pairs):
      var entries: [ConfigurationNode.Entry] = []
      for (key, value) in pairs {
        let (line, column) = (key.mark?.line ?? line, key.mark?.column ?? column)
        guard let name = key.scalar?.string else {
          throw ConfigurationError(
            .file(path, line: line, column: column, key: ""), "expected the name of a setting, found a list or map")
        }
        entries.append(
          ConfigurationNode.Entry(key: name, line: line, column: column, value: try convert(value, path)))
      }
      return ConfigurationNode(.map(entries), line: line, column: column)
    case .alias:
      throw ConfigurationError(.file(path, line: line, column: column, key: ""), "this alias has no anchor")
    }
  }

  private static func problem(_ error: any Error, _ path: String) -> ConfigurationError {
    func at(_ mark: Mark?, _ message: String) -> ConfigurationError {
      ConfigurationError(.file(path, line: mark?.line ?? 0, column: mark?.column ?? 0, key: ""), message)
    }
    switch error {
    case YamlError.scanner(let context, let problem, let mark, _),
      YamlError.parser(let context, let problem, let mark, _),
      YamlError.composer(let context, let problem, let mark, _):
      return at(mark, "no YAML: \(problem)" + (context.map { " \($0.text)" } ?? ""))
    case YamlError.reader(let problem, _, _, _):
      return at(nil, "no YAML: \(problem)")
    case YamlError.duplicatedKeysInMapping(let duplicates, let context):
      return at(context.mark, "given twice: \(duplicates.joined(separator: ", "))")
    default:
      return at(nil, "no YAML: \(error)")
    }
  }
}
