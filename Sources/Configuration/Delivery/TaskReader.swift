/// Reads delivery tasks from the tree of a document: the YAML file, a request, a file of the state directory. What is
/// unknown or wrong is refused with its place.
public struct TaskReader {
  /// The document, for messages; relative paths of secrets are meant beside it.
  let document: String
  /// The text of a file that keeps a secret; `nil` where a document may not name files, as those that come in requests,
  /// or whoever may make tasks could have files read out.
  let readFile: (@Sendable (String) throws(FileProblem) -> String)?

  /// - Parameter readFile: `nil` refuses whatever would make this process read a file or run a program of the
  ///   document's choice.
  public init(document: String, readFile: (@Sendable (String) throws(FileProblem) -> String)? = nil) {
    self.document = document
    self.readFile = readFile
  }

  /// Where something stands in a document, by keys.
  struct Place {
    let node: ConfigurationNode
    let key: String
  }

  func refuse(_ place: Place, _ message: String) -> ConfigurationError {
    ConfigurationError(
      .file(document, line: place.node.line, column: place.node.column, key: place.key), message)
  }

  /// The list `delivery.tasks` of the YAML file.
  func tasks(_ node: ConfigurationNode) throws(ConfigurationError) -> [DeliveryTask] {
    guard case .list(let nodes) = node.content else {
      throw refuse(Place(node: node, key: "delivery.tasks"), "expected a list of tasks, found \(node.kindName)")
    }
    var tasks: [DeliveryTask] = []
    for node in nodes {
      let task = try task(node, key: "delivery.tasks")
      guard !tasks.contains(where: { $0.name == task.name }) else {
        throw refuse(Place(node: node, key: "delivery.tasks"), "there are two tasks \(task.name.quoted)")
      }
      tasks.append(task)
    }
    return tasks
  }

  /// One task.
  /// - Parameter name: what a request's path has named it; `nil` takes it from the document alone.
  public func task(_ node: ConfigurationNode, name: String? = nil) throws(ConfigurationError) -> DeliveryTask {
    try task(node, key: "", name: name)
  }

  private func task(
    _ node: ConfigurationNode, key: String, name: String? = nil
  ) throws(ConfigurationError) -> DeliveryTask {
    let map = try Map(Place(node: node, key: key), self)
    guard let named = try map.text("name") ?? name else {
      throw refuse(Place(node: node, key: key), "the task has no name")
    }
    let place = map.place(of: "name")
    if let name, name != named {
      throw refuse(place, "the task is \(name.quoted) by its path and \(named.quoted) by its name")
    }
    guard Self.isTaskName(named) else {
      throw refuse(
        place,
        "\(named.quoted) is no name for a task: letters, digits, \".\", \"_\" and \"-\", 100 at most, and none "
          + "but a letter or digit at the start")
    }
    var task = DeliveryTask(name: named)
    task.description = try map.text("description") ?? ""
    task.isStarted = try map.flag("started") ?? true
    for place in try map.list("sources") {
      guard task.sources.count < 100 else { throw refuse(place, "there are more than 100 sources") }
      let source = try source(place)
      guard source.name.isEmpty || !task.sources.contains(where: { $0.name == source.name }) else {
        throw refuse(place, "there are two sources \(source.name.quoted)")
      }
      task.sources.append(source)
    }
    guard !task.sources.isEmpty else {
      throw refuse(map.place(of: "sources"), "the task has no sources; the least is sources: [{kind: remote_write}]")
    }
    task.target = try target(map)
    if let batch = try map.map("batch") {
      task.batch.samples = try batch.count("samples", 1...100_000) ?? task.batch.samples
      task.batch.bytes = try batch.size("bytes", 1024...(64 << 20)) ?? task.batch.bytes
      task.batch.linger = try batch.duration("linger", .zero ... .seconds(60)) ?? task.batch.linger
      try batch.finish()
    }
    task.staleMarkers = try map.choice("stale_markers", DeliveryTask.StaleMarkers.self) ?? .drop
    try map.finish()
    return task
  }

  /// A name is part of paths and of file names.
  static func isTaskName(_ name: String) -> Bool {
    let letters = Array(name.utf8)
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    guard let first = letters.first, isAlphanumeric(first), letters.count <= 100 else { return false }
    return letters.allSatisfy { isAlphanumeric($0) || "._-".utf8.contains($0) }
  }

  // MARK: Sources

  private func source(_ place: Place) throws(ConfigurationError) -> DeliveryTask.Source {
    let map = try Map(place, self)
    let kinds = ["remote_write", "scrape"]
    guard let kind = try map.text("kind") else {
      throw refuse(place, "the source has no kind; it is one of \(kinds.joined(separator: ", "))")
    }
    var source: DeliveryTask.Source
    switch kind {
    case "remote_write": source = DeliveryTask.Source(.remoteWrite)
    case "scrape": source = DeliveryTask.Source(.scrape(try scrape(map)))
    default:
      throw refuse(
        map.place(of: "kind"),
        "\(kind.quoted) is none of \(kinds.joined(separator: ", "))\(Suggestion.text(for: kind, among: kinds))")
    }
    source.name = try map.text("name") ?? ""
    guard source.name.isEmpty || Self.isTaskName(source.name) else {
      throw refuse(map.place(of: "name"), "\(source.name.quoted) is no name for a source: letters, digits, . _ and -")
    }
    (source.filter, source.labels) = try lines(map)
    try map.finish()
    return source
  }

  /// The lines `filter` and `labels` of a map.
  func lines(_ map: Map) throws(ConfigurationError) -> (filter: [FilterLine], labels: [LabelLine]) {
    var filter: [FilterLine] = []
    for (place, text) in try map.lines("filter") {
      do throws(LineProblem) {
        filter += try TaskLines.filter([text])
      } catch {
        throw refuse(place, "\(error)")
      }
      guard filter.count <= TaskLines.countMax else {
        throw refuse(place, "there are more than \(TaskLines.countMax) lines")
      }
    }
    var labels: [LabelLine] = []
    var texts: [String] = []
    for (place, text) in try map.lines("labels") {
      texts.append(text)
      do throws(LineProblem) {
        labels = try TaskLines.labels(texts)
      } catch {
        throw refuse(place, "\(error)")
      }
    }
    return (filter, labels)
  }

  private func scrape(_ map: Map) throws(ConfigurationError) -> DeliveryTask.Scrape {
    var scrape = DeliveryTask.Scrape()
    for place in try map.list("urls") {
      let url = try text(place)
      guard Self.isURL(url) else {
        throw refuse(place, "\(url.quoted) is no URL; write it as http://host:port/metrics")
      }
      scrape.urls.append(url)
    }
    guard !scrape.urls.isEmpty else { throw refuse(map.place(of: "urls"), "there is nothing to scrape; give urls") }
    scrape.interval = try map.duration("interval", .milliseconds(100)...(.seconds(86_400))) ?? scrape.interval
    let timeout = try map.duration("timeout", .milliseconds(10)...(.seconds(86_400)))
    scrape.timeout = timeout ?? min(scrape.timeout, scrape.interval)
    guard scrape.timeout <= scrape.interval else {
      throw refuse(map.place(of: "timeout"), "is longer than the interval, \(DurationText.string(scrape.interval))")
    }
    scrape.job = try map.text("job") ?? ""
    guard !scrape.job.isEmpty else {
      throw refuse(map.place(of: "job"), "a scrape needs a job, its label of that name")
    }
    scrape.instance = try map.text("instance") ?? ""
    guard scrape.instance.isEmpty || scrape.urls.count == 1 else {
      throw refuse(map.place(of: "instance"), "one instance cannot stand for \(scrape.urls.count) URLs")
    }
    scrape.honorLabels = try map.flag("honor_labels") ?? false
    scrape.authorization = try authorization(map)
    if let tls = try map.map("tls") {
      scrape.tls.caFile = try tls.path("ca_file") ?? ""
      scrape.tls.certificateFile = try tls.path("cert_file") ?? ""
      scrape.tls.keyFile = try tls.path("key_file") ?? ""
      scrape.tls.isInsecure = try tls.flag("insecure_skip_verify") ?? false
      try tls.finish()
    }
    return scrape
  }

  private func authorization(_ map: Map) throws(ConfigurationError) -> DeliveryTask.Authorization {
    let bearer = try map.map("authorization")
    let basic = try map.map("basic_auth")
    guard bearer == nil || basic == nil else {
      throw refuse(map.place(of: "basic_auth"), "authorization and basic_auth exclude each other")
    }
    if let bearer {
      let type = try bearer.text("type") ?? "Bearer"
      guard type.lowercased() == "bearer" else {
        throw refuse(bearer.place(of: "type"), "\(type.quoted) is not Bearer; for Basic there is basic_auth")
      }
      let token = try bearer.secret("credentials")
      try bearer.finish()
      return .bearer(token)
    }
    if let basic {
      let user = try basic.text("username") ?? ""
      let password = try basic.secret("password")
      try basic.finish()
      return .basic(user: user, password: password)
    }
    return .none
  }

  /// `http://` or `https://`, a host, and nothing that has no place in a URL. Whether anybody is there shows later.
  private static func isURL(_ text: String) -> Bool {
    guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return false }
    let rest = text.utf8.dropFirst(scheme.utf8.count)
    let host = rest.prefix { !"/?#".utf8.contains($0) }
    return !host.isEmpty && !host.contains(UInt8(ascii: "@")) && text.utf8.allSatisfy { (0x21...0x7e).contains($0) }
  }

  // MARK: The target

  /// Properties on which what promring promises rests, and what to use instead.
  private static let ours = [
    "bootstrap.servers": "give the brokers as target.brokers", "metadata.broker.list": "give them as target.brokers",
    "enable.idempotence": "set target.idempotence", "acks": "a sample counts when all replicas have it",
    "request.required.acks": "a sample counts when all replicas have it",
    "transactional.id": "there are no transactions here",
  ]
  /// Properties that make librdkafka run a program, load code, or read a file of this machine.
  private static func isDangerous(_ property: String) -> Bool {
    ["plugin.library.paths", "sasl.kerberos.kinit.cmd", "sasl.kerberos.keytab"].contains(property)
      || property.hasSuffix(".location") || property.hasSuffix(".file")
  }

  private func target(_ map: Map) throws(ConfigurationError) -> DeliveryTask.Target {
    var target = DeliveryTask.Target()
    guard let described = try map.map("target") else {
      throw refuse(map.place(of: "target"), "the task has no target; the least is target: {topic: …}")
    }
    for place in try described.list("brokers") {
      let broker = try text(place)
      guard ConfigurationBuilder.isBroker(broker) else {
        throw refuse(place, "\(broker.quoted) is no broker; write it as host:port")
      }
      target.brokers.append(broker)
    }
    target.topic = try described.text("topic") ?? ""
    guard ConfigurationBuilder.isTopicName(target.topic) else {
      throw refuse(described.place(of: "topic"), "\(target.topic.quoted) is no topic name")
    }
    target.idempotence = try described.choice("idempotence", DeliveryTask.Target.Idempotence.self) ?? .auto
    if let properties = try described.map("properties") {
      for name in properties.names {
        let place = properties.place(of: name)
        if let instead = Self.ours[name] {
          throw refuse(place, "librdkafka property \(name) cannot be set: \(instead)")
        }
        if readFile == nil, Self.isDangerous(name) {
          throw refuse(place, "librdkafka property \(name) can be set in the configuration file only")
        }
        target.properties[name] = try properties.property(name)
      }
      try properties.finish()
    }
    try described.finish()
    return target
  }

  // MARK: Values

  func text(_ place: Place) throws(ConfigurationError) -> String {
    guard case .scalar(let text) = place.node.content else {
      throw refuse(place, "expected a single value, found \(place.node.kindName)")
    }
    return text
  }

  func refuseFile(_ place: Place) -> ConfigurationError {
    refuse(place, "files can be named in the configuration file only, not in requests")
  }

  func readSecret(_ path: String, _ place: Place) throws(ConfigurationError) -> KafkaProperty {
    guard let readFile else { throw refuseFile(place) }
    let path = beside(path)
    do throws(FileProblem) {
      var value = try readFile(path)
      if value.hasSuffix("\r\n") || value.hasSuffix("\n") { value.removeLast() }
      return KafkaProperty(value, file: path)
    } catch {
      throw refuse(place, "the file \(path.quoted) cannot be read: \(error.reason)")
    }
  }

  /// A relative path in a document means a place beside it.
  func beside(_ path: String) -> String {
    guard !path.hasPrefix("/"), let slash = document.lastIndex(of: "/") else { return path }
    return String(document[...slash]) + path
  }
}
