/// Reads the configuration from its layers: command line options go before environment variables, these before the
/// YAML file, that before the defaults. Lists of a higher layer replace those of a lower one; `kafka.properties` and
/// `export.metrics` are laid over each other name by name.
///
/// An environment variable that is set to nothing counts as not set.
public struct ConfigurationLoader: Sendable {
  /// Options with their texts, in the order of the command line.
  public var options: [(setting: Setting, texts: [String])] = []
  public var environment: [String: String] = [:]
  /// The text of a file.
  public var readFile: @Sendable (String) throws(FileProblem) -> String
  /// The tree of a YAML text; the second argument is the path for messages.
  public var parseYAML: @Sendable (String, String) throws(ConfigurationError) -> ConfigurationNode
  /// Asks librdkafka about a property: why it refuses name or value, `nil` when it takes them.
  public var kafkaPropertyProblem: @Sendable (_ name: String, _ value: String) -> String? = { _, _ in nil }
  /// Names that librdkafka knows, to suggest one for a mistyped name.
  public var kafkaPropertyNames: [String] = []

  public init(
    readFile: @escaping @Sendable (String) throws(FileProblem) -> String,
    parseYAML: @escaping @Sendable (String, String) throws(ConfigurationError) -> ConfigurationNode
  ) {
    self.readFile = readFile
    self.parseYAML = parseYAML
  }

  /// Reads all layers and checks the whole.
  /// - Parameter needsKafka: whether brokers and topics must be given.
  /// - Throws: the first thing that is unknown or wrong.
  public func load(needsKafka: Bool = true) throws(ConfigurationError) -> LoadedConfiguration {
    var builder = ConfigurationBuilder(readFile: readFile)
    if let (path, origin) = configFile {
      let text: String
      do {
        text = try readFile(path)
      } catch {
        throw ConfigurationError(origin, "the file \(path.quoted) cannot be read: \(error.reason)")
      }
      try builder.apply(try parseYAML(text, path), file: path)
      builder.configuration.configFile = path
      builder.origins["config-file"] = origin
    }
    try builder.apply(environment: environment)
    for (setting, texts) in options {
      try builder.set(setting, to: texts, at: .option(setting.option))
    }
    try builder.validate(needsKafka: needsKafka)
    try validateProperties(of: builder)
    return LoadedConfiguration(configuration: builder.configuration, origins: builder.origins)
  }

  private var configFile: (path: String, origin: Origin)? {
    let setting = Setting.at("config-file")
    if let path = options.last(where: { $0.setting.path == setting.path })?.texts.last {
      return (path, .option(setting.option))
    }
    guard let path = environment[setting.environmentVariable], !path.isEmpty else { return nil }
    return (path, .environment(setting.environmentVariable))
  }

  private func validateProperties(of builder: ConfigurationBuilder) throws(ConfigurationError) {
    for (name, property) in builder.configuration.kafka.properties.sorted(by: { $0.key < $1.key }) {
      guard let problem = kafkaPropertyProblem(name, property.value) else { continue }
      // librdkafka quotes the value that it refuses.
      let secret = property.isSecret(as: name) && !property.value.isEmpty
      let shown = secret ? problem.replacing(property.value, with: KafkaProperty.mask) : problem
      let known = kafkaPropertyNames.contains(name)
      let near = known ? "" : Suggestion.text(for: name, among: kafkaPropertyNames)
      throw ConfigurationError(builder.origin(ofProperty: name), "librdkafka property \(name): \(shown)\(near)")
    }
  }
}

/// Why a file could not be read, in the words of the system.
public struct FileProblem: Error, Equatable {
  public let reason: String

  public init(_ reason: String) { self.reason = reason }
}

/// A configuration and where its values came from.
public struct LoadedConfiguration: Sendable {
  public let configuration: ServeConfiguration
  let origins: [String: Origin]

  /// Settings that somebody gave, in the order of the table: YAML key, value as it may be shown, and its origin.
  public var given: [(key: String, value: String, origin: Origin)] {
    Setting.all.flatMap { setting -> [(key: String, value: String, origin: Origin)] in
      let parts = setting.shown(in: configuration).parts(of: setting.yamlKey.isEmpty ? setting.path : setting.yamlKey)
      return parts.compactMap { part in
        let key = part.name.map { ConfigurationBuilder.originKey(setting, $0) } ?? setting.path
        return origins[key].map { (part.key, part.value, $0) }
      }
    }
  }
}
