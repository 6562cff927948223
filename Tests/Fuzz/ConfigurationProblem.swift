import Configuration

/// What is wrong with how a configuration file is read, if anything: any text is refused with one line that names a place
/// in it, or gives a configuration that reads back as itself from what status pages show of it.
func problemOfConfiguration(_ input: [UInt8]) -> String? {
  guard let text = String(validating: input, as: UTF8.self) else { return nil }
  do {
    let configuration = try load(text)
    let shown = configuration.yaml
    let again: ServeConfiguration
    do {
      again = try load(shown)
    } catch {
      return "what is shown does not read back: \(error)\n\(shown)"
    }
    return again.yaml == shown ? nil : "what is shown reads back as\n\(again.yaml)\nrather than\n\(shown)"
  } catch {
    if "\(error)".contains(where: \.isNewline) { return "an error of several lines: \(error)" }
    if case .file(_, let line, let column, _) = error.origin {
      let lines = text.count(where: \.isNewline) + 1
      if !(0...lines + 1).contains(line) || !(0...input.count + 1).contains(column) { return "\(error)" }
    }
    return nil
  }
}

private func load(_ text: String) throws(ConfigurationError) -> ServeConfiguration {
  var loader = ConfigurationLoader(
    readFile: { path throws(FileProblem) in
      if path == "promring.yaml" { return text }
      if path.hasPrefix("missing") { throw FileProblem("No such file or directory") }
      return "secret\n"
    },
    parseYAML: { text, path throws(ConfigurationError) in try YAMLFile.parse(text, path: path) })
  loader.options = [(Setting.at("config-file"), ["promring.yaml"])]
  return try loader.load(needsKafka: false).configuration
}
