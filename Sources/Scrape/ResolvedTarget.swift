internal import TimeSeries

/// A target whose settings have been checked, and what follows from them.
struct ResolvedTarget: Sendable {
  let target: ScrapeTarget
  let url: PageURL
  /// `job`, `instance` and the target's own.
  let labels: LabelSet

  /// Two targets of the same key give the same series, whatever their other settings.
  struct Key: Hashable {
    let url: String
    let labels: LabelSet
  }

  var key: Key { Key(url: target.url, labels: labels) }

  init(_ target: ScrapeTarget) throws(ScrapeTargetError) {
    self.target = target
    let shown = PageURL.shown(target.url)
    do throws(URLFault) {
      url = try PageURL(target.url, serverName: target.tls.serverName)
    } catch {
      throw .url(shown, reason: error.reason)
    }
    guard !target.job.isEmpty else { throw .noJob(url: shown) }
    guard target.interval >= .milliseconds(10), target.interval <= .seconds(366 * 86_400) else {
      throw .times(url: shown, reason: "an interval of \(target.interval) is not between 10 ms and a year")
    }
    guard target.timeout >= .milliseconds(1), target.timeout <= target.interval else {
      throw .times(
        url: shown, reason: "a timeout of \(target.timeout) is not between 1 ms and the interval of \(target.interval)")
    }
    guard target.bodyBytesMax > 0 else { throw .limit(url: shown, name: "bodyBytesMax") }
    guard target.labelsMax > 0 else { throw .limit(url: shown, name: "labelsMax") }
    guard target.sampleLimit >= 0 else { throw .limit(url: shown, name: "sampleLimit") }
    try Self.check(target.authorization, shown)
    try Self.check(target.tls, shown)
    labels = try Self.labels(of: target, instance: target.instance ?? url.authority, shown)
  }

  private static func labels(
    of target: ScrapeTarget, instance: String, _ shown: String
  ) throws(ScrapeTargetError) -> LabelSet {
    var names: Set<Label> = [Label("job", ""), Label("instance", "")]
    for label in target.labels {
      func refuse(_ reason: String) -> ScrapeTargetError { .label(url: shown, name: label.name, reason: reason) }
      guard !label.name.isEmpty else { throw refuse("has no name") }
      guard !label.name.utf8.starts(with: "__".utf8) else { throw refuse("is reserved: no name may begin with __") }
      guard names.insert(Label(label.name, "")).inserted else {
        throw refuse("is there already: job and instance have settings of their own")
      }
    }
    return LabelSet(target.labels + [Label("job", target.job), Label("instance", instance)])
  }

  private static func check(_ authorization: ScrapeAuthorization?, _ shown: String) throws(ScrapeTargetError) {
    func refuse(_ reason: String) -> ScrapeTargetError { .authorization(url: shown, reason: reason) }
    func check(_ secret: ScrapeSecret) throws(ScrapeTargetError) {
      switch secret {
      case .text(let text): guard isPlain(text) else { throw refuse("a secret has a control character in it") }
      case .file(let path): guard !path.isEmpty else { throw refuse("a secret's file has no name") }
      }
    }
    switch authorization {
    case nil: return
    case .basic(let user, let password):
      guard !user.utf8.contains(UInt8(ascii: ":")), isPlain(user) else {
        throw refuse("a user's name has neither a colon nor control characters in it")
      }
      try check(password)
    case .credentials(let type, let secret):
      let isToken = !type.isEmpty && type.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") }
      guard isToken else { throw refuse("\"\(type)\" is no type of authorization, such as Bearer") }
      if type.lowercased() == "basic" { throw refuse("give user and password for the authorization type Basic") }
      try check(secret)
    }
  }

  private static func check(_ tls: ScrapeTLS, _ shown: String) throws(ScrapeTargetError) {
    guard (tls.certificateFile == nil) == (tls.keyFile == nil) else {
      throw .tls(url: shown, reason: "a certificate needs its key, and a key its certificate")
    }
    for file in [tls.caFile, tls.certificateFile, tls.keyFile, tls.serverName] {
      if let file, file.isEmpty || !isPlain(file) {
        throw .tls(url: shown, reason: "\"\(file)\" is neither a file nor a name")
      }
    }
  }

  /// Whether a text can be put into a header, or passed to C.
  static func isPlain(_ text: String) -> Bool { text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F } }
}

extension ScrapeSecret {
  /// The secret itself.
  func read() throws(ScrapeError) -> String {
    switch self {
    case .text(let text): return text
    case .file(let path):
      guard let bytes = SecretFile.contents(path) else {
        throw .secret(file: path, reason: "cannot be read: \(SecretFile.lastProblem())")
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let secret = String(text.trimmingPrefix(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
      guard ResolvedTarget.isPlain(secret) else { throw .secret(file: path, reason: "has a control character in it") }
      return secret
    }
  }
}
