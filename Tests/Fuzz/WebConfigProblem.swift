import Configuration

/// What is wrong with how the web configuration file is read, if anything: any text is refused with one line that names a
/// place in it, or gives settings that hold together.
func problemOfWebConfig(_ input: [UInt8]) -> String? {
  guard let text = String(validating: input, as: UTF8.self) else { return nil }
  var web = ServeConfiguration.Web()
  web.configFile = "web.yml"
  switch read(web, text).result {
  case .failure(let error): return problem(of: error, in: text)
  case .success(let config):
    if let tls = config.tls {
      if tls.certificate.isEmpty || tls.key.isEmpty { return "TLS without a certificate or a key" }
      let verifies = [.verifyClientCertIfGiven, .requireAndVerifyClientCert].contains(tls.clientAuthentication)
      if verifies && tls.clientCA.isEmpty { return "nothing to verify client certificates with" }
      if !tls.clientCA.isEmpty && tls.clientAuthentication == .noClientCert { return "a client CA that is not used" }
    }
    if let limit = config.rateLimit, limit.interval <= .zero || limit.burst < 0 { return "a rate limit of \(limit)" }
    for header in config.headers where header.value.utf8.contains(where: { $0 < 0x20 }) {
      return "a line break in \(header.name)"
    }
    return config.users.contains { $0.name.utf8.contains(UInt8(ascii: ":")) } ? "a colon in a name" : nil
  }
}

/// The same for the file with tokens, which no message quotes.
func problemOfTokens(_ input: [UInt8]) -> String? {
  guard let text = String(validating: input, as: UTF8.self) else { return nil }
  var web = ServeConfiguration.Web()
  web.bearerTokenFile = "tokens"
  switch read(web, text).result {
  case .failure(let error): return problem(of: error, in: text)
  case .success(let config):
    if config.tokens.isEmpty { return "no tokens, so that everybody is let in" }
    let isWrong = config.tokens.contains { $0.utf8.count < 16 || $0.utf8.contains { $0 <= 0x20 || $0 >= 0x7f } }
    return isWrong ? "\(config.tokens)" : nil
  }
}

private func read(_ web: ServeConfiguration.Web, _ text: String) -> WebConfigLoader.Reading {
  WebConfigLoader(
    web,
    readFile: { path throws(FileProblem) in
      if path == "web.yml" || path == "tokens" { return text }
      if path.hasPrefix("missing") { throw FileProblem("No such file or directory") }
      return "certificate\n"
    },
    parseYAML: { text, path throws(ConfigurationError) in try YAMLFile.parse(text, path: path) },
    problem: { _ in nil }
  ).read()
}

private func problem(of error: ConfigurationError, in text: String) -> String? {
  if "\(error)".contains(where: \.isNewline) { return "an error of several lines: \(error)" }
  guard case .file(_, let line, let column, _) = error.origin else { return nil }
  let lines = text.count(where: \.isNewline) + 1
  return (0...lines + 1).contains(line) && (0...text.utf8.count + 1).contains(column) ? nil : "\(error)"
}
