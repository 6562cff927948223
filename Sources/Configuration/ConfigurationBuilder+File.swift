extension ConfigurationBuilder {
  /// Takes every key of the YAML file, `group: {key: value}`; one that means nothing is refused.
  mutating func apply(_ root: ConfigurationNode, file: String) throws(ConfigurationError) {
    switch root.content {
    case .absent: return
    case .scalar, .list:
      let origin = Origin.file(file, line: root.line, column: root.column, key: "")
      throw ConfigurationError(origin, "expected a map of settings, such as kafka:, found \(root.kindName)")
    case .map(let groups):
      for group in groups { try apply(group, file: file) }
    }
  }

  private mutating func apply(_ group: ConfigurationNode.Entry, file: String) throws(ConfigurationError) {
    let members = Setting.all.filter { $0.yamlKey.hasPrefix(group.key + ".") }
    guard !members.isEmpty else { throw unknown(group, key: group.key, file: file) }
    switch group.value.content {
    case .absent: return  // every line of the group is a comment
    case .scalar, .list:
      let origin = Origin.file(file, line: group.value.line, column: group.value.column, key: group.key)
      throw ConfigurationError(origin, "expected a map of settings, found \(group.value.kindName)")
    case .map(let entries):
      for entry in entries {
        let key = "\(group.key).\(entry.key)"
        if key == "delivery.tasks" {  // no option could say it, so it is not in the table
          let readFile = readFile
          let reader = TaskReader(document: file) { path throws(FileProblem) in try readFile(path) }
          configuration.delivery.tasks = try reader.tasks(entry.value)
          if case .list(let nodes) = entry.value.content {
            for (task, node) in zip(configuration.delivery.tasks, nodes) { taskNodes[task.name] = node }
          }
          continue
        }
        guard let setting = members.first(where: { $0.yamlKey == key }) else {
          throw unknown(entry, key: key, file: file)
        }
        try apply(entry.value, to: setting, file: file)
      }
    }
  }

  private func unknown(_ entry: ConfigurationNode.Entry, key: String, file: String) -> ConfigurationError {
    // `kafka-brokers`, `kafka_brokers` and `kafka.brokers` at the top level all mean `kafka.brokers`.
    let keys = Dictionary(Setting.all.map { ($0.yamlKey.plain, $0.yamlKey) }) { first, _ in first }
    let groups = Set(Setting.all.compactMap { $0.yamlKey.split(separator: ".").first.map(String.init) })
    let found = Suggestion.nearest(to: key.plain, among: keys.keys.sorted() + groups.sorted()).map { keys[$0] ?? $0 }
    let near = found.map { "; did you mean \($0)?" } ?? ""
    let origin = Origin.file(file, line: entry.line, column: entry.column, key: "")
    return ConfigurationError(origin, "unknown key \(key.quoted)\(near)")
  }

  private mutating func apply(_ node: ConfigurationNode, to setting: Setting, file: String) throws(ConfigurationError) {
    let origin = Origin.file(file, line: node.line, column: node.column, key: setting.yamlKey)
    switch (setting.storage, node.content) {
    case (_, .absent):
      throw ConfigurationError(origin, "has no value; give one or remove the line")
    case (.properties, .map(let entries)), (.propertyFiles, .map(let entries)):
      for entry in entries { try applyProperty(entry, file: file) }
    case (.metricTypes, .map(let entries)):
      for entry in entries { try applyMetric(entry, file: file) }
    case (.properties, _), (.propertyFiles, _), (.metricTypes, _):
      throw ConfigurationError(origin, "expected a map of names, found \(node.kindName)")
    case (.list, .list(let nodes)):
      var texts: [String] = []
      for node in nodes {
        texts.append(try text(node, at: .file(file, line: node.line, column: node.column, key: setting.yamlKey)))
      }
      try set(setting, to: texts, at: origin)
    case (.list, .map):
      throw ConfigurationError(origin, "expected a list, found \(node.kindName)")
    default:
      try set(setting, to: [try text(node, at: origin)], at: origin)
    }
  }

  private func text(_ node: ConfigurationNode, at origin: Origin) throws(ConfigurationError) -> String {
    guard case .scalar(let text) = node.content else {
      throw ConfigurationError(origin, "expected a single value, found \(node.kindName)")
    }
    return text
  }

  /// `name: value` or `name: {file: path}`.
  private mutating func applyProperty(_ entry: ConfigurationNode.Entry, file: String) throws(ConfigurationError) {
    let node = entry.value
    let origin = Origin.file(file, line: node.line, column: node.column, key: "kafka.properties.\(entry.key)")
    guard case .map(let parts) = node.content else {
      return setProperty(entry.key, to: KafkaProperty(try text(node, at: origin)), at: origin)
    }
    guard parts.count == 1, let part = parts.first, part.key == "file" else {
      throw ConfigurationError(origin, "expected a value, or {file: path} for one that is kept in a file")
    }
    let path = try text(part.value, at: origin)
    try setProperty(entry.key, fromFile: resolve(path, besides: file), at: origin)
  }

  /// `name: type` or `name: {type: …, help: …}`.
  private mutating func applyMetric(_ entry: ConfigurationNode.Entry, file: String) throws(ConfigurationError) {
    let node = entry.value
    func origin(_ node: ConfigurationNode) -> Origin {
      .file(file, line: node.line, column: node.column, key: "export.metrics.\(entry.key)")
    }
    guard case .map(let parts) = node.content else {
      return try setMetric(entry.key, type: try text(node, at: origin(node)), help: nil, at: origin(node))
    }
    var type = "untyped"
    var help: String?
    for part in parts {
      switch part.key {
      case "type": type = try text(part.value, at: origin(part.value))
      case "help": help = try text(part.value, at: origin(part.value))
      default:
        let near = Suggestion.text(for: part.key, among: ["type", "help"])
        let place = Origin.file(file, line: part.line, column: part.column, key: "export.metrics.\(entry.key)")
        throw ConfigurationError(place, "unknown key \(part.key.quoted)\(near)")
      }
    }
    try setMetric(entry.key, type: type, help: help, at: origin(node))
  }

  /// A relative path in a file means a place beside that file, wherever the program was started.
  func resolve(_ path: String, besides file: String) -> String {
    guard !path.hasPrefix("/"), let slash = file.lastIndex(of: "/") else { return path }
    return String(file[...slash]) + path
  }
}

extension String {
  /// For comparing keys: letters alone count, not how words and groups are parted.
  fileprivate var plain: String { replacing(".", with: "_").replacing("-", with: "_") }
}
