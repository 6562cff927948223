internal import TimeSeries

extension ServeConfiguration {
  /// The settings in force as a YAML file that `--config-file` reads, secrets masked (those from files are named by
  /// their file): what `/api/v1/status/config` shows.
  public var yaml: String {
    var lines = ""
    var group = ""
    for setting in Setting.all {
      let words = setting.yamlKey.split(separator: ".", maxSplits: 1)
      guard words.count == 2, !setting.sharesKey else { continue }
      if words[0] != group {
        group = String(words[0])
        lines += "\(group):\n"
      }
      if setting.yamlKey == "delivery.state", !delivery.tasks.isEmpty {
        // JSON is YAML, too.
        lines += "  tasks:\n" + delivery.tasks.map { "    - \($0.json(secrets: false))\n" }.joined()
      }
      lines += "  \(words[1]):" + yaml(of: setting)
    }
    return escapedForYAML(lines)
  }

  /// YAML lets fewer characters stand than JSON, and takes some for line breaks (YAML 1.1, sections 5.1 and 5.4). They
  /// can only be in quotes, where both know the same escapes.
  private func escapedForYAML(_ lines: String) -> String {
    var escaped = String.UnicodeScalarView()
    for scalar in lines.unicodeScalars {
      switch scalar.value {
      case 0x7F...0x9F, 0x2028, 0x2029, 0xFEFF, 0xFFFE, 0xFFFF:
        let digits = String(scalar.value, radix: 16)
        escaped.append(contentsOf: ("\\u" + String(repeating: "0", count: 4 - digits.count) + digits).unicodeScalars)
      default: escaped.append(scalar)
      }
    }
    return String(escaped)
  }

  private func yaml(of setting: Setting) -> String {
    switch setting.storage {
    case .properties:
      map(
        kafka.properties.map { name, property in
          (name, property.file.map { "{file: \(quoted($0))}" } ?? quoted(property.shown(as: name)))
        })
    case .metricTypes:
      map(
        export.metrics.map { name, metric in
          let help = metric.help.isEmpty ? "" : ", help: \(quoted(metric.help))"
          return (name, "{type: \(metric.type.rawValue)\(help)}")
        })
    default:
      switch setting.shown(in: self) {
      case .scalar(let text, let isText): " \(isText ? quoted(text) : text)\n"
      case .list(let elements): " [\(elements.map(quoted).joined(separator: ", "))]\n"
      case .map(let pairs): map(pairs.map { ($0.name, quoted($0.value.text)) })
      }
    }
  }

  private func map(_ pairs: [(name: String, yaml: String)]) -> String {
    if pairs.isEmpty { return " {}\n" }
    let sorted = pairs.sorted { $0.name.compareBytes(with: $1.name) < 0 }
    return "\n" + sorted.map { "    \(quoted($0.name)): \($0.yaml)\n" }.joined()
  }

  /// A JSON string, which is a YAML string too.
  private func quoted(_ text: String) -> String {
    var writer = ByteWriter(capacity: text.utf8.count + 16)
    writer.append(json: text)
    return writer.string()
  }
}

extension Setting {
  /// `kafka.properties` holds the values of two options; the first of them speaks for both.
  fileprivate var sharesKey: Bool {
    if case .propertyFiles = storage { true } else { false }
  }
}
