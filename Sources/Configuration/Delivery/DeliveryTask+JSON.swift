internal import TimeSeries

extension DeliveryTask {
  /// The task as a JSON object that `TaskReader` reads, on one line.
  /// - Parameter secrets: whether they are written out, which only a file of our own may have; masked otherwise.
  public func json(secrets: Bool) -> String {
    var writer = ByteWriter(capacity: 1024)
    writer.append("{")
    writer.text("name", name)
    if !description.isEmpty { writer.text("description", description) }
    writer.flag("started", isStarted)
    writer.member("sources")
    writer.append("[")
    for (i, source) in sources.enumerated() {
      if i > 0 { writer.append(",") }
      source.write(to: &writer, secrets: secrets)
    }
    writer.append("]")
    target.write(to: &writer, secrets: secrets)
    writer.member("batch")
    writer.append("{")
    writer.member("samples")
    writer.append(decimal: Int64(batch.samples))
    writer.text("bytes", ByteSize.string(batch.bytes))
    writer.text("linger", DurationText.string(batch.linger))
    writer.append("}")
    writer.text("stale_markers", staleMarkers.rawValue)
    writer.append("}")
    return writer.string()
  }

  /// Puts the secrets of `old` where this task shows the mask in their place, as one does that was read from a status
  /// page and sent back.
  /// - Returns: the name of a secret that is masked and that `old` does not have.
  public mutating func keepSecrets(of old: DeliveryTask?) -> String? {
    for (name, property) in target.properties where property.value == KafkaProperty.mask {
      guard let kept = old?.target.properties[name] else { return name }
      target.properties[name] = kept
    }
    for i in sources.indices {
      guard case .scrape(var scrape) = sources[i].kind else { continue }
      let others = old.map { $0.sources.indices.contains(i) ? $0.sources[i].kind : .remoteWrite } ?? .remoteWrite
      guard case .scrape(let before) = others else {
        if scrape.authorization.secret?.value == KafkaProperty.mask { return scrape.authorization.secretName }
        continue
      }
      switch (scrape.authorization, before.authorization) {
      case (.bearer(let new), .bearer) where new.value == KafkaProperty.mask:
        scrape.authorization = before.authorization
      case (.basic(let user, let new), .basic(_, let kept)) where new.value == KafkaProperty.mask:
        scrape.authorization = .basic(user: user, password: kept)
      case (let new, _) where new.secret?.value == KafkaProperty.mask: return new.secretName
      default: continue
      }
      sources[i].kind = .scrape(scrape)
    }
    return nil
  }
}

extension DeliveryTask.Authorization {
  fileprivate var secret: KafkaProperty? {
    switch self {
    case .none: nil
    case .bearer(let token): token
    case .basic(_, let password): password
    }
  }

  fileprivate var secretName: String {
    if case .bearer = self { "authorization.credentials" } else { "basic_auth.password" }
  }
}

extension DeliveryTask.Source {
  /// The source as it stands in a task.
  /// - Parameter secrets: whether secrets are shown; else there is a mask in their place.
  public func json(secrets: Bool) -> String {
    var writer = ByteWriter(capacity: 256)
    write(to: &writer, secrets: secrets)
    return writer.string()
  }

  fileprivate func write(to writer: inout ByteWriter, secrets: Bool) {
    writer.append("{")
    switch kind {
    case .remoteWrite: writer.text("kind", "remote_write")
    case .scrape: writer.text("kind", "scrape")
    }
    if !name.isEmpty { writer.text("name", name) }
    if case .scrape(let scrape) = kind { scrape.write(to: &writer, secrets: secrets) }
    writer.texts("filter", filter.map(\.text))
    writer.texts("labels", labels.map(\.text))
    writer.append("}")
  }
}

extension DeliveryTask.Scrape {
  fileprivate func write(to writer: inout ByteWriter, secrets: Bool) {
    writer.texts("urls", urls)
    writer.text("interval", DurationText.string(interval))
    writer.text("timeout", DurationText.string(timeout))
    writer.text("job", job)
    if !instance.isEmpty { writer.text("instance", instance) }
    writer.flag("honor_labels", honorLabels)
    switch authorization {
    case .none: break
    case .bearer(let token):
      writer.member("authorization")
      writer.append("{")
      writer.text("type", "Bearer")
      writer.secret("credentials", token, secrets)
      writer.append("}")
    case .basic(let user, let password):
      writer.member("basic_auth")
      writer.append("{")
      writer.text("username", user)
      writer.secret("password", password, secrets)
      writer.append("}")
    }
    guard tls != DeliveryTask.TLS() else { return }
    writer.member("tls")
    writer.append("{")
    for (name, path) in [("ca_file", tls.caFile), ("cert_file", tls.certificateFile), ("key_file", tls.keyFile)]
    where !path.isEmpty {
      writer.text(name, path)
    }
    writer.flag("insecure_skip_verify", tls.isInsecure)
    writer.append("}")
  }
}

extension DeliveryTask.Target {
  fileprivate func write(to writer: inout ByteWriter, secrets: Bool) {
    writer.member("target")
    writer.append("{")
    if !brokers.isEmpty { writer.texts("brokers", brokers) }
    writer.text("topic", topic)
    if !properties.isEmpty {
      writer.member("properties")
      writer.append("{")
      for (name, property) in properties.sorted(by: { $0.key.compareBytes(with: $1.key) < 0 }) {
        if let file = property.file {
          writer.member(name)
          writer.append("{")
          writer.text("file", file)
          writer.append("}")
        } else {
          writer.text(name, secrets ? property.value : property.shown(as: name))
        }
      }
      writer.append("}")
    }
    writer.text("idempotence", idempotence.rawValue)
    writer.append("}")
  }
}

extension ByteWriter {
  fileprivate mutating func text(_ name: String, _ value: String) {
    member(name)
    append(json: value)
  }

  fileprivate mutating func flag(_ name: String, _ value: Bool) {
    member(name)
    append(value ? "true" : "false")
  }

  fileprivate mutating func texts(_ name: String, _ values: [String]) {
    member(name)
    append("[")
    for (i, value) in values.enumerated() {
      if i > 0 { append(",") }
      append(json: value)
    }
    append("]")
  }

  fileprivate mutating func secret(_ name: String, _ secret: KafkaProperty, _ isShown: Bool) {
    if let file = secret.file { return text("\(name)_file", file) }
    text(name, isShown ? secret.value : KafkaProperty.mask)
  }
}
