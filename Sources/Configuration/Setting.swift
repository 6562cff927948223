/// One thing that can be set: its names, its kind, where its value is kept and what it means. Everything that speaks of
/// settings is made from these: options and their help, environment, YAML, status pages and the reference.
public struct Setting: Sendable {
  /// Group and name, such as `kafka.dead-letter-topic`. The other names follow from it.
  public let path: String
  /// The command line option without its dashes: `kafka-dead-letter-topic`.
  public let name: String
  /// Where the value is kept and how its text is read.
  let storage: Storage
  /// What stands for the value in help texts.
  public let placeholder: String
  /// One or two sentences without the default.
  public let help: String
  /// The key in the YAML file where it differs from `path`.
  private let fileKey: String?

  init(_ path: String, _ storage: Storage, _ placeholder: String, fileKey: String? = nil, _ help: String) {
    self.path = path
    name = path.replacing(".", with: "-")
    self.storage = storage
    self.placeholder = placeholder
    self.fileKey = fileKey
    self.help = help
  }
}

extension Setting {
  /// The command line option: `--kafka-dead-letter-topic`.
  public var option: String { "--" + name }

  /// `PROMRING_KAFKA_DEAD_LETTER_TOPIC`.
  public var environmentVariable: String { Setting.environmentPrefix + name.uppercased().replacing("-", with: "_") }

  /// The key in the YAML file, group first: `kafka.dead_letter_topic`. Empty for the file's own path.
  public var yamlKey: String { fileKey ?? path.replacing("-", with: "_") }

  /// Whether the option may be given several times, each adding to the others.
  public var isRepeatable: Bool {
    switch storage {
    case .list, .properties, .propertyFiles, .metricTypes: true
    case .text, .address, .optionalAddress, .path, .urlPath, .count, .size, .duration, .flag, .choice: false
    }
  }

  /// Whether the option is a switch, `--x` and `--no-x`, and takes no value.
  public var isFlag: Bool {
    if case .flag = storage { true } else { false }
  }

  static let environmentPrefix = "PROMRING_"

  /// The setting of this path. Asking for one that is not in the table is a mistake in the program.
  public static func at(_ path: String) -> Setting {
    guard let setting = byPath[path] else { preconditionFailure("no setting \(path)") }
    return setting
  }

  private static let byPath = Dictionary(uniqueKeysWithValues: all.map { ($0.path, $0) })
}

/// Where in the configuration a setting's value is kept, by kind.
enum Storage: Sendable {
  typealias Place<Value> = any WritableKeyPath<ServeConfiguration, Value> & Sendable

  case text(Place<String>)
  case address(Place<ListenAddress>)
  /// The same; empty for none.
  case optionalAddress(Place<ListenAddress?>)
  /// The path of a file or folder; a relative one in a file is meant beside that file.
  case path(Place<String>)
  /// Empty, or a path that begins with `/` and does not end with one.
  case urlPath(Place<String>)
  /// `commas`: whether a comma parts elements everywhere, not only in the environment. `words`: what elements may be;
  /// empty for any text.
  case list(Place<[String]>, commas: Bool, words: [String] = [])
  case count(Place<Int>, ClosedRange<Int>)
  case size(Place<Int>, ClosedRange<Int>)
  case duration(Place<Duration>, ClosedRange<Duration>)
  case flag(Place<Bool>)
  case choice(Choice)
  /// `name=value`, kept in `kafka.properties`.
  case properties
  /// `name=path of a file with the value`, kept in `kafka.properties`.
  case propertyFiles
  /// `name=type`, kept in `export.metrics`.
  case metricTypes

  /// One word of a closed set, whatever enumeration keeps it.
  struct Choice: Sendable {
    let words: [String]
    let get: @Sendable (ServeConfiguration) -> String
    /// Says whether it knows the word.
    let set: @Sendable (String, inout ServeConfiguration) -> Bool
  }

  static func choice<Word>(_ place: Place<Word>, synonyms: [String: String] = [:]) -> Storage
  where Word: RawRepresentable<String> & CaseIterable & Sendable {
    .choice(
      Choice(
        words: Word.allCases.map(\.rawValue),
        get: { $0[keyPath: place].rawValue },
        set: { text, configuration in
          guard let word = Word(rawValue: synonyms[text] ?? text) else { return false }
          configuration[keyPath: place] = word
          return true
        }))
  }
}
