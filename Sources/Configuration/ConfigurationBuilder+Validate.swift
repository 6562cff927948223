internal import Glibc
internal import TimeSeries

extension ConfigurationBuilder {
  /// Checks what no single setting can: values that need others, and texts with a meaning of their own.
  func validate(needsKafka: Bool) throws(ConfigurationError) {
    if needsKafka {
      try require("kafka.brokers", configuration.kafka.brokers)
      try require("kafka.topic", configuration.kafka.topics)
    }
    for broker in configuration.kafka.brokers where !Self.isBroker(broker) {
      throw refuse("kafka.brokers", "\(broker.quoted) is no broker; write it as host:port")
    }
    try validateTopics()
    try validateReservedProperties()
    if configuration.kafka.mode == .group, configuration.kafka.groupID.isEmpty {
      throw refuse("kafka.group-id", "must not be empty in mode group")
    }
    try validateSlabs()
    do {
      _ = try AnchoredRegex(configuration.web.corsOrigin)
    } catch {
      throw refuse("web.cors-origin", "\(error)")
    }
    for name in configuration.export.metrics.keys.sorted() where name.isEmpty {
      throw ConfigurationError(origins["export.metric-type \(name)"] ?? .builtIn, "a metric family has no empty name")
    }
  }

  func origin(ofProperty name: String) -> Origin { origins["kafka.property \(name)"] ?? .builtIn }

  private func refuse(_ path: String, _ message: String) -> ConfigurationError {
    ConfigurationError(origins[path] ?? .option(Setting.at(path).option), message)
  }

  private func require(_ path: String, _ values: [String]) throws(ConfigurationError) {
    guard values.isEmpty else { return }
    let setting = Setting.at(path)
    if let origin = origins[path] { throw ConfigurationError(origin, "must not be empty") }
    throw ConfigurationError(
      .builtIn,
      "\(setting.option) is missing; give the option, \(setting.environmentVariable) or "
        + "\(setting.yamlKey) in the file of --config-file")
  }

  /// `host`, `host:port` or `PROTOCOL://host:port`, as librdkafka takes them.
  static func isBroker(_ text: String) -> Bool {
    guard text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }) else { return false }
    var rest = text[...]
    if let scheme = rest.firstRange(of: "://") {
      guard ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"].contains(rest[..<scheme.lowerBound]) else {
        return false
      }
      rest = rest[scheme.upperBound...]
    }
    guard !rest.contains("/") else { return false }
    if rest.hasPrefix("["), rest.hasSuffix("]") { return rest.count > 2 }
    guard let colon = rest.lastIndex(of: ":") else { return !rest.isEmpty }
    return colon > rest.startIndex && (UInt16(decimal: rest[rest.index(after: colon)...]) ?? 0) > 0
  }

  private func validateTopics() throws(ConfigurationError) {
    let deadLetters = configuration.kafka.deadLetterTopic
    if !deadLetters.isEmpty, !Self.isTopicName(deadLetters) {
      throw refuse("kafka.dead-letter-topic", "\(deadLetters.quoted) is no topic name")
    }
    for topic in configuration.kafka.topics {
      if topic.hasPrefix("^") {
        guard let matches = topicRegexMatches(topic, deadLetters) else {
          throw refuse("kafka.topic", "\(topic.quoted) is no regular expression (POSIX extended, as in librdkafka)")
        }
        guard !matches else { throw loop(topic, deadLetters) }
      } else {
        guard Self.isTopicName(topic) else {
          let hint = topic.contains(",") ? "; give each topic on its own" : ""
          throw refuse("kafka.topic", "\(topic.quoted) is no topic name\(hint)")
        }
        guard topic != deadLetters else { throw loop(topic, deadLetters) }
      }
    }
  }

  private func loop(_ topic: String, _ deadLetters: String) -> ConfigurationError {
    refuse(
      "kafka.dead-letter-topic",
      "\(deadLetters.quoted) is itself read, by the topic \(topic.quoted): its records would go round for ever")
  }

  /// What Kafka takes for a topic (`org.apache.kafka.common.internals.Topic`).
  static func isTopicName(_ text: String) -> Bool {
    let known = text.utf8.allSatisfy { byte in
      let character = Character(UnicodeScalar(byte))
      return character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
    }
    return known && (1...249).contains(text.utf8.count) && text != "." && text != ".."
  }

  /// Whether the expression finds itself in `text`, by the same C library function that librdkafka uses; `nil` when it
  /// is no expression. An empty text is never found.
  private func topicRegexMatches(_ pattern: String, _ text: String) -> Bool? {
    var compiled = regex_t()
    guard regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) == 0 else { return nil }
    defer { regfree(&compiled) }
    return !text.isEmpty && regexec(&compiled, text, 0, nil, 0) == 0
  }

  private func validateReservedProperties() throws(ConfigurationError) {
    let ours = [
      "bootstrap.servers": "kafka.brokers", "metadata.broker.list": "kafka.brokers", "group.id": "kafka.group-id",
    ]
    for (name, path) in ours.sorted(by: { $0.key < $1.key }) where configuration.kafka.properties[name] != nil {
      throw ConfigurationError(
        origin(ofProperty: name), "librdkafka property \(name) is set by \(Setting.at(path).option); use that")
    }
    for (name, property) in configuration.kafka.properties where property.value.utf8.contains(0) {
      throw ConfigurationError(origin(ofProperty: name), "librdkafka property \(name): the value holds a zero byte")
    }
  }

  private func validateSlabs() throws(ConfigurationError) {
    let (retention, slab) = (configuration.buffer.retention, configuration.buffer.slabDuration)
    guard retention > .zero, slab > .zero else { return }
    guard slab <= retention else {
      throw refuse("buffer.slab-duration", "is longer than the retention, \(DurationText.string(retention))")
    }
    guard retention / slab <= 1024 else {
      throw refuse(
        "buffer.slab-duration",
        "cuts the retention of \(DurationText.string(retention)) into more than 1024 slabs; make it longer")
    }
  }
}
