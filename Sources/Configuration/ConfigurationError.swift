/// A setting that is unknown or wrong. It prints as one line that names the setting, where it stands and what to do.
public struct ConfigurationError: Error, Equatable {
  /// Where the setting stands.
  public let origin: Origin
  /// What is wrong with it, without the place.
  public let message: String

  public init(_ origin: Origin, _ message: String) {
    self.origin = origin
    self.message = message
  }
}

extension ConfigurationError: CustomStringConvertible {
  public var description: String {
    let place = origin.description
    return place.isEmpty ? message.onOneLine : "\(place): \(message.onOneLine)"
  }
}

/// Where the value of a setting comes from.
public enum Origin: Sendable, Equatable {
  /// Nobody set it.
  case builtIn
  /// A line of the YAML file, and the key there (`kafka.topics`); line and column count from 1.
  case file(String, line: Int, column: Int, key: String)
  /// An environment variable.
  case environment(String)
  /// A command line option, with its dashes.
  case option(String)
}

extension Origin: CustomStringConvertible {
  public var description: String {
    switch self {
    case .builtIn: ""
    case .file(let path, 0, _, _): path
    case .file(let path, let line, let column, ""): "\(path):\(line):\(column)"
    case .file(let path, let line, let column, let key): "\(path):\(line):\(column): \(key)"
    case .environment(let name): name
    case .option(let name): name
    }
  }
}

extension String {
  /// Line breaks and other control characters as spaces, so that an error stays on its line.
  var onOneLine: String {
    String(String.UnicodeScalarView(unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }))
  }

  /// The text in double quotes for an error message, cut where it is long.
  var quoted: String {
    count > 100 ? "\"\(prefix(100))…\"" : "\"\(self)\""
  }
}
