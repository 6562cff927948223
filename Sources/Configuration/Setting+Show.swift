internal import TimeSeries

/// A value as status pages, `check` and the reference may show it: secrets are masked already.
enum ShownValue {
  /// `isText`: whether YAML needs quotes around it.
  case scalar(String, isText: Bool)
  case list([String])
  case map([(name: String, value: ShownValue)])

  /// The value on one line, as an option or environment variable would give it.
  var text: String {
    switch self {
    case .scalar(let text, _): text
    case .list(let elements): elements.joined(separator: ",")
    case .map(let pairs): pairs.map { "\($0.name)=\($0.value.text)" }.joined(separator: ",")
    }
  }

  /// The value under its key, a map as one part for each name.
  func parts(of key: String) -> [(key: String, name: String?, value: String)] {
    guard case .map(let pairs) = self else { return [(key, nil, text)] }
    return pairs.map { ("\(key).\($0.name)", $0.name, $0.value.text) }
  }
}

extension Setting {
  /// The value in `configuration`, secrets masked.
  func shown(in configuration: ServeConfiguration) -> ShownValue {
    switch storage {
    case .text(let place), .path(let place), .urlPath(let place): .scalar(configuration[keyPath: place], isText: true)
    case .address(let place): .scalar(configuration[keyPath: place].description, isText: true)
    case .optionalAddress(let place): .scalar(configuration[keyPath: place]?.description ?? "", isText: true)
    case .list(let place, _, _): .list(configuration[keyPath: place])
    case .count(let place, _): .scalar(String(configuration[keyPath: place]), isText: false)
    case .size(let place, _): .scalar(ByteSize.string(configuration[keyPath: place]), isText: false)
    case .duration(let place, _): .scalar(DurationText.string(configuration[keyPath: place]), isText: false)
    case .flag(let place): .scalar(configuration[keyPath: place] ? "true" : "false", isText: false)
    case .choice(let choice): .scalar(choice.get(configuration), isText: false)
    case .properties:
      .map(
        configuration.kafka.properties.filter { $0.value.file == nil }.sorted { $0.key < $1.key }
          .map { ($0.key, .scalar($0.value.shown(as: $0.key), isText: true)) })
    case .propertyFiles:
      .map(
        configuration.kafka.properties.sorted { $0.key < $1.key }
          .compactMap { name, property in property.file.map { (name, .scalar($0, isText: true)) } })
    case .metricTypes:
      .map(
        configuration.export.metrics.sorted { $0.key.compareBytes(with: $1.key) < 0 }
          .map { ($0.key, .scalar($0.value.type.rawValue, isText: false)) })
    }
  }

  /// The default as a user would write it; empty where there is none.
  public var defaultText: String { shown(in: ServeConfiguration()).text }
}

extension ServeConfiguration {
  /// All settings by option name without dashes, as Prometheus' `/api/v1/status/flags` has them; secrets are masked.
  public var flags: [(name: String, value: String)] {
    Setting.all.map { ($0.name, $0.shown(in: self).text) }
  }
}
