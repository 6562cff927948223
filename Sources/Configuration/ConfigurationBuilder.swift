/// A configuration while its layers are laid over each other, lowest first: remembers where each value came from.
struct ConfigurationBuilder {
  var configuration = ServeConfiguration()
  /// By the setting's path; properties and metrics each by their own name behind it, `kafka.property sasl.password`.
  var origins: [String: Origin] = [:]
  /// The delivery tasks of the file as they stand there, by name: for what turns out to be wrong with them later.
  var taskNodes: [String: ConfigurationNode] = [:]
  let readFile: @Sendable (String) throws(FileProblem) -> String

  init(readFile: @escaping @Sendable (String) throws(FileProblem) -> String) {
    self.readFile = readFile
  }

  /// Reads the value of a setting from its text: one text, or one for each element of a list.
  mutating func set(_ setting: Setting, to texts: [String], at origin: Origin) throws(ConfigurationError) {
    let text = texts.last ?? ""
    func refuse(_ message: String) -> ConfigurationError { ConfigurationError(origin, message) }
    switch setting.storage {
    case .text(let place): configuration[keyPath: place] = text
    case .path(let place): configuration[keyPath: place] = text.isEmpty ? text : resolve(text, at: origin)
    case .address(let place): configuration[keyPath: place] = try address(text, at: origin)
    case .optionalAddress(let place):
      configuration[keyPath: place] = text.isEmpty ? nil : try address(text, at: origin)
    case .urlPath(let place):
      guard let path = urlPath(text) else { throw refuse("\(text.quoted) is no path; write it as /promring") }
      configuration[keyPath: place] = path
    case .list(let place, let commas, let words):
      let elements = commas ? texts.flatMap(splitAtCommas) : texts
      for element in elements where !words.isEmpty && !words.contains(element) {
        let near = Suggestion.text(for: element, among: words)
        throw refuse("\(element.quoted) is none of \(words.joined(separator: ", "))\(near)")
      }
      configuration[keyPath: place] = elements
    case .count(let place, let allowed):
      guard let number = Int(decimal: text), allowed.contains(number) else {
        throw refuse("\(text.quoted) is no whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
      }
      configuration[keyPath: place] = number
    case .size(let place, let allowed):
      guard let bytes = ByteSize.parse(text) else {
        throw refuse("\(text.quoted) is no size; write it as 512MiB, 1GB or a number of bytes")
      }
      guard allowed.contains(bytes) else {
        let (least, most) = (ByteSize.string(allowed.lowerBound), ByteSize.string(allowed.upperBound))
        throw refuse("\(text.quoted) is out of range, \(least) to \(most)")
      }
      configuration[keyPath: place] = bytes
    case .duration(let place, let allowed):
      guard let duration = DurationText.parse(text) else {
        throw refuse("\(text.quoted) is no duration; write it as 30s, 1h30m or 500ms")
      }
      guard allowed.contains(duration) else {
        let (least, most) = (DurationText.string(allowed.lowerBound), DurationText.string(allowed.upperBound))
        throw refuse("\(text.quoted) is out of range, \(least) to \(most)")
      }
      configuration[keyPath: place] = duration
    case .flag(let place):
      guard let flag = ConfigurationBuilder.flags[text.lowercased()] else {
        throw refuse("\(text.quoted) is neither true nor false")
      }
      configuration[keyPath: place] = flag
    case .choice(let choice):
      guard choice.set(text, &configuration) else {
        let near = Suggestion.text(for: text, among: choice.words)
        throw refuse("\(text.quoted) is none of \(choice.words.joined(separator: ", "))\(near)")
      }
    case .properties: for text in texts { try setProperty(text, at: origin) }
    case .propertyFiles: for text in texts { try setPropertyFile(text, at: origin) }
    case .metricTypes: for text in texts { try setMetricType(text, at: origin) }
    }
    origins[setting.path] = origin
  }

  /// A property is one thing, whether its value was given or is in a file.
  static func originKey(_ setting: Setting, _ name: String) -> String {
    if case .propertyFiles = setting.storage { "kafka.property \(name)" } else { "\(setting.path) \(name)" }
  }

  static let flags = [
    "true": true, "yes": true, "on": true, "1": true, "false": false, "no": false, "off": false, "0": false,
  ]

  /// The elements of a list that is one text: parted by commas outside of brackets, so that `^a{1,2}` stays whole.
  func splitAtCommas(_ text: String) -> [String] {
    var elements = [""]
    var depth = 0
    for character in text {
      switch character {
      case "(", "[", "{": depth += 1
      case ")", "]", "}": depth = max(0, depth - 1)
      case "," where depth == 0:
        elements.append("")
        continue
      default: break
      }
      elements[elements.count - 1].append(character)
    }
    return elements.map(\.trimmed).filter { !$0.isEmpty }
  }

  private func address(_ text: String, at origin: Origin) throws(ConfigurationError) -> ListenAddress {
    guard let address = ListenAddress(text) else {
      throw ConfigurationError(
        origin, "\(text.quoted) is no address; write it as 127.0.0.1:9797, [::1]:9797 or :9797")
    }
    return address
  }

  private func resolve(_ path: String, at origin: Origin) -> String {
    if case .file(let file, _, _, _) = origin { resolve(path, besides: file) } else { path }
  }

  private func urlPath(_ text: String) -> String? {
    var path = text[...]
    while path.hasSuffix("/") { path = path.dropLast() }
    let known = path.utf8.allSatisfy { byte in
      (0x21...0x7e).contains(byte) && !"?#%\"\\<>[]{}|^`".utf8.contains(byte)
    }
    guard known, path.isEmpty || path.hasPrefix("/") && !path.contains("//") else { return nil }
    return String(path)
  }
}

// MARK: - Maps

extension ConfigurationBuilder {
  /// `name=value`. What follows a missing `=` may be a secret, so the message shows no more than the name.
  private mutating func setProperty(_ text: String, at origin: Origin) throws(ConfigurationError) {
    let (name, value) = try nameAndValue(text, at: origin, "name=value")
    setProperty(name, to: KafkaProperty(value), at: origin)
  }

  private mutating func setPropertyFile(_ text: String, at origin: Origin) throws(ConfigurationError) {
    let (name, path) = try nameAndValue(text, at: origin, "name=path")
    try setProperty(name, fromFile: path, at: origin)
  }

  mutating func setProperty(_ name: String, fromFile path: String, at origin: Origin) throws(ConfigurationError) {
    do {
      var value = try readFile(path)
      // Editors and `echo` end a file with a line break that belongs to no password.
      if value.hasSuffix("\r\n") || value.hasSuffix("\n") { value.removeLast() }
      setProperty(name, to: KafkaProperty(value, file: path), at: origin)
    } catch {
      throw ConfigurationError(origin, "\(name): the file \(path.quoted) cannot be read: \(error.reason)")
    }
  }

  mutating func setProperty(_ name: String, to property: KafkaProperty, at origin: Origin) {
    configuration.kafka.properties[name] = property
    origins["kafka.property \(name)"] = origin
  }

  private mutating func setMetricType(_ text: String, at origin: Origin) throws(ConfigurationError) {
    let (name, type) = try nameAndValue(text, at: origin, "name=type")
    try setMetric(name, type: type, help: nil, at: origin)
  }

  /// - Parameter help: `nil` keeps a help text that a lower layer gave.
  mutating func setMetric(_ name: String, type: String, help: String?, at origin: Origin) throws(ConfigurationError) {
    guard let type = ServeConfiguration.MetricDescription.MetricType(rawValue: type) else {
      let words = ServeConfiguration.MetricDescription.MetricType.allCases.map(\.rawValue)
      let near = Suggestion.text(for: type, among: words)
      throw ConfigurationError(origin, "\(name): \(type.quoted) is none of \(words.joined(separator: ", "))\(near)")
    }
    let help = help ?? configuration.export.metrics[name]?.help ?? ""
    configuration.export.metrics[name] = ServeConfiguration.MetricDescription(type: type, help: help)
    origins["export.metric-type \(name)"] = origin
  }

  private func nameAndValue(_ text: String, at origin: Origin, _ form: String) throws(ConfigurationError)
    -> (name: String, value: String)
  {
    let name = text.prefix { $0 != "=" }
    guard name.count < text.count, !name.allSatisfy(\.isWhitespace) else {
      let shown = text.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "._-".contains($0)) }
      throw ConfigurationError(origin, "no name and \"=\" at \(String(shown).quoted); write it as \(form)")
    }
    return (String(name).trimmed, String(text[text.index(after: name.endIndex)...]))
  }
}

extension String {
  /// Without spaces, tabs and line breaks at either end.
  var trimmed: String {
    var rest = self[...]
    while rest.first?.isWhitespace == true { rest = rest.dropFirst() }
    while rest.last?.isWhitespace == true { rest = rest.dropLast() }
    return String(rest)
  }
}
