internal import ArgumentParser
internal import Configuration

/// A group of options that are settings: each property is named like its option, `kafkaBrokers` for `--kafka-brokers`,
/// and takes name and help from the table of settings. Values stay text here; the loader reads them.
protocol SettingOptions: ParsableArguments {}

extension SettingOptions {
  /// The options that the command line gave, with their texts.
  var given: [(setting: Setting, texts: [String])] {
    Mirror(reflecting: self).children.compactMap { child in
      guard let label = child.label, let texts = Self.texts(child.value), !texts.isEmpty else { return nil }
      let name = Self.optionName(of: label)
      return Setting.all.first { $0.name == name }.map { ($0, texts) }
    }
  }

  private static func texts(_ value: Any) -> [String]? {
    switch value {
    case let option as Option<String?>: option.wrappedValue.map { [$0] }
    case let option as Option<[String]>: option.wrappedValue
    case let flag as Flag<Bool?>: flag.wrappedValue.map { [$0 ? "true" : "false"] }
    default: nil
    }
  }

  /// `_kafkaGroupId`, the storage behind a property wrapper, becomes `kafka-group-id`.
  static func optionName(of label: String) -> String {
    label.drop { $0 == "_" }.reduce(into: "") { name, letter in
      name += letter.isUppercase ? "-\(letter.lowercased())" : String(letter)
    }
  }
}

extension Setting {
  var argumentHelp: ArgumentHelp { Setting.argumentHelp[path] ?? "" }

  /// Made once: the parser asks for the options of a command many times.
  private static let argumentHelp = Dictionary(
    uniqueKeysWithValues: all.map { setting in
      let standard = setting.defaultText.isEmpty ? "" : " (default: \(setting.defaultText))"
      var help = ArgumentHelp(stringLiteral: setting.help + standard)
      help.valueName = setting.placeholder
      return (setting.path, help)
    })
}

extension Option where Value == String? {
  /// The option of a setting that has one value.
  init(_ path: String) {
    let setting = Setting.at(path)
    self.init(name: .customLong(setting.name), help: setting.argumentHelp)
  }
}

extension Option where Value == [String] {
  /// The option of a setting that may be given several times.
  init(_ path: String) {
    let setting = Setting.at(path)
    self.init(wrappedValue: [], name: .customLong(setting.name), parsing: .singleValue, help: setting.argumentHelp)
  }
}

extension Flag where Value == Bool? {
  /// The switch of a setting that is true or false.
  init(_ path: String) {
    let setting = Setting.at(path)
    self.init(name: .customLong(setting.name), inversion: .prefixedNo, help: setting.argumentHelp)
  }
}
