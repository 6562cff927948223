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
  /// Asks librdkafka about the properties: which of them it refuses, `nil` when it takes all.
  public var kafkaProblem: @Sendable ([String: String]) -> KafkaPropertyProblem? = { _ in nil }

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
    try askKafka(about: builder)
    for task in builder.configuration.delivery.tasks { try askKafka(about: task, of: builder) }
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

  private func askKafka(about builder: ConfigurationBuilder) throws(ConfigurationError) {
    guard let (property, reason) = problem(of: builder.configuration.kafka.properties) else { return }
    throw ConfigurationError(builder.origin(ofProperty: property), "librdkafka property \(property): \(reason)")
  }

  private func askKafka(about task: DeliveryTask, of builder: ConfigurationBuilder) throws(ConfigurationError) {
    var properties = task.target.brokers.isEmpty ? builder.configuration.kafka.properties : [:]
    properties.merge(task.target.properties) { _, own in own }
    guard let (property, reason) = problem(of: properties) else { return }
    let place = builder.taskNodes[task.name]?.nearest(to: ["target", "properties", property])
    throw ConfigurationError(
      .file(
        builder.configuration.configFile, line: place?.line ?? 0, column: place?.column ?? 0, key: "delivery.tasks"),
      "delivery task \(task.name.quoted): librdkafka property \(property): \(reason)")
  }

  private func problem(of properties: [String: KafkaProperty]) -> (property: String, reason: String)? {
    guard let problem = kafkaProblem(properties.mapValues(\.value)) else { return nil }
    // librdkafka quotes the values that it refuses.
    let secrets = properties.filter { $0.value.isSecret(as: $0.key) && !$0.value.value.isEmpty }.map(\.value.value)
    let reason = secrets.sorted { $0.utf8.count > $1.utf8.count }.reduce(problem.reason) { text, secret in
      text.replacing(secret, with: KafkaProperty.mask)
    }
    return (problem.property, reason)
  }
}

/// A property that librdkafka does not take, or misses.
public struct KafkaPropertyProblem: Error, Equatable {
  public let property: String
  /// What is wrong with it, and what to do.
  public let reason: String

  public init(_ property: String, _ reason: String) {
    self.property = property
    self.reason = reason
  }
}

/// Why a file could not be read, in the words of the system.
public struct FileProblem: Error, Equatable {
  public let reason: String

  public init(_ reason: String) { self.reason = reason }
}
