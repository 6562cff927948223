import Testing

@testable import Configuration

/// Delivery tasks as JSON describes them; YAML makes the same tree.
@Suite struct TaskReaderTests {
  private static let least = #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "samples"}}"#

  private static func read(
    _ json: String, name: String? = nil, files: [String: String]? = nil
  ) throws -> DeliveryTask {
    var readFile: (@Sendable (String) throws(FileProblem) -> String)?
    if let files {
      readFile = { path throws(FileProblem) in
        guard let text = files[path] else { throw FileProblem("No such file or directory") }
        return text
      }
    }
    return try TaskReader(document: "d/x", readFile: readFile).task(JSONDocument.parse(Array(json.utf8)), name: name)
  }

  @Test func `the least that a task is, and its defaults`() throws {
    var task = DeliveryTask(name: "t")
    task.sources = [DeliveryTask.Source(.remoteWrite)]
    task.target.topic = "samples"
    #expect(try Self.read(Self.least) == task)
    #expect(task.isStarted && task.batch.samples == 500 && task.staleMarkers == .drop)
    let unnamed = Self.least.replacing(#""name": "t", "#, with: "")
    #expect(try Self.read(unnamed, name: "t") == task)
  }

  private static let whole = """
    {"name": "prod", "description": "to the lake", "started": false,
     "sources": [
       {"kind": "remote_write", "name": "a", "filter": "__name__=a|b\\nid=i-2ze0mxp.*", "labels": ["k=v", "l=w"]},
       {"kind": "scrape", "name": "b", "urls": ["http://h:9100/metrics"], "interval": "30s", "timeout": "5s",
        "job": "node", "instance": "h", "honor_labels": true,
        "basic_auth": {"username": "u", "password": "p"},
        "tls": {"ca_file": "ca.pem", "insecure_skip_verify": true}},
       {"kind": "scrape", "urls": ["https://h/metrics"], "job": "j",
        "authorization": {"credentials_file": "token"}}],
     "target": {"brokers": ["k:9092"], "topic": "t", "idempotence": "off",
       "properties": {"sasl.password": "geheim", "ssl.key.password": {"file": "/key"}, "linger.ms": 5}},
     "batch": {"samples": 100, "bytes": "64KiB", "linger": "10ms"}, "stale_markers": "StaleNaN"}
    """

  @Test func `everything that a task can say is read, and written so that it reads the same`() throws {
    let files = ["d/token": "secret\n", "/key": "key"]
    let task = try Self.read(Self.whole, files: files)
    #expect(task.sources[0].filter.map(\.text) == ["__name__=a|b", "id=i-2ze0mxp.*"])
    #expect(task.sources[0].labels.map(\.text) == ["k=v", "l=w"])
    guard case .scrape(let scrape) = task.sources[1].kind, case .scrape(let other) = task.sources[2].kind else {
      Issue.record("no scrapes")
      return
    }
    #expect(scrape.interval == .seconds(30) && scrape.honorLabels && scrape.instance == "h" && scrape.tls.isInsecure)
    #expect(scrape.authorization == .basic(user: "u", password: KafkaProperty("p")))
    #expect(scrape.tls.caFile == "d/ca.pem")
    #expect(other.authorization == .bearer(KafkaProperty("secret", file: "d/token")))
    #expect(task.target.properties["ssl.key.password"] == KafkaProperty("key", file: "/key"))
    #expect(task.batch.bytes == 64 << 10 && task.batch.linger == .milliseconds(10) && !task.isStarted)
    // What a file keeps is written as the file's name.
    let files2 = ["d/d/token": "secret", "/key": "key"]
    let again = try Self.read(
      task.json(secrets: true).replacing("d/ca.pem", with: "ca.pem"), files: files2)
    #expect(again.target == task.target && again.batch == task.batch && again.sources[0] == task.sources[0])
    #expect(again.sources[1] == task.sources[1])
  }

  @Test func `secrets are masked for people, and kept when a masked task comes back`() throws {
    let task = try Self.read(Self.whole, files: ["d/token": "secret", "/key": "key"])
    let shown = task.json(secrets: false)
    for secret in ["geheim", "\"p\"", "secret\"", "\"key\""] { #expect(!shown.contains(secret), "\(secret): \(shown)") }
    var changed = task
    changed.description = "changed"
    changed.target.properties["sasl.password"] = KafkaProperty(KafkaProperty.mask)
    guard case .scrape(var scrape) = changed.sources[1].kind else { return }
    scrape.authorization = .basic(user: "u2", password: KafkaProperty(KafkaProperty.mask))
    changed.sources[1].kind = .scrape(scrape)
    var kept = changed
    #expect(kept.keepSecrets(of: task) == nil)
    #expect(kept.target.properties["sasl.password"]?.value == "geheim")
    guard case .scrape(let after) = kept.sources[1].kind else { return }
    #expect(after.authorization == .basic(user: "u2", password: KafkaProperty("p")))
    // Where there is nothing to keep it says what is missing.
    #expect(changed.keepSecrets(of: nil) == "sasl.password")
    changed.target.properties["sasl.password"] = nil
    #expect(changed.keepSecrets(of: nil) == "basic_auth.password")
  }

  @Test(arguments: [
    ("[]", "d/x:1:1: expected a map, found a list"),
    ("{}", "d/x:1:1: the task has no name"),
    (#"{"name": "a b"}"#, #"d/x:1:10: name: "a b" is no name for a task"#),
    (#"{"name": "../x"}"#, #"d/x:1:10: name: "../x" is no name for a task"#),
    (#"{"name": "t"}"#, "sources: the task has no sources; the least is sources: [{kind: remote_write}]"),
    (#"{"name": "t", "sources": [{}]}"#, "the source has no kind; it is one of remote_write, scrape"),
    (
      #"{"name": "t", "sources": [{"kind": "remote-write"}]}"#,
      #"sources.kind: "remote-write" is none of remote_write, scrape; did you mean remote_write?"#
    ),
    (
      "{\"name\": \"t\", \"sources\": [{\"kind\": \"remote_write\",\n \"filter\": [\"a=b\",\n  \"job=(\"]}]}",
      #"d/x:3:3: sources.filter: line "job=(": "(" is no regular expression (RE2): missing ): ("#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write", "filter": "job"}]}"#,
      #"sources.filter: line "job": there is no "="; write it as label=regex"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write", "labels": ["a=b", "value=3"]}]}"#,
      #"d/x:1:70: sources.labels: line "value=3": "value" cannot be attached"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write", "labels": ["a=b", "a=c"]}]}"#,
      #"line "a=c": "a" is attached already, by another line"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}]}"#,
      "the task has no target; the least is target: {topic: …}"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a b"}}"#,
      #"target.topic: "a b" is no topic name"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a", "brokers": ["http://x"]}}"#,
      #"target.brokers: "http://x" is no broker; write it as host:port"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a", "properties": {"acks": 1}}}"#,
      "target.properties.acks: librdkafka property acks cannot be set: a sample counts when all replicas have it"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a", "properties": "#
        + #"{"plugin.library.paths": "x"}}}"#,
      "librdkafka property plugin.library.paths can be set in the configuration file only"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a", "properties": "#
        + #"{"ssl.key.location": "/etc/shadow"}}}"#,
      "librdkafka property ssl.key.location can be set in the configuration file only"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "scrape", "job": "j", "urls": ["https://h/"], "#
        + #""tls": {"ca_file": "/etc/shadow"}}], "target": {"topic": "a"}}"#,
      "tls.ca_file: files can be named in the configuration file only, not in requests"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a", "properties": "#
        + #"{"sasl.password": {"file": "/etc/shadow"}}}}"#,
      "files can be named in the configuration file only, not in requests"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a"}, "bach": {}}"#,
      #"d/x:1:80: unknown key "bach"; did you mean batch?"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a"}, "batch": {"samples": 0}}"#,
      #"batch.samples: "0" is no whole number from 1 to 100000"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "remote_write"}], "target": {"topic": "a"}, "stale_markers": "stalenan"}"#,
      #"stale_markers: "stalenan" is none of drop, StaleNaN, NaN; did you mean StaleNaN?"#
    ),
    (#"{"name": "t", "sources": [{"kind": "scrape", "job": "j"}]}"#, "there is nothing to scrape; give urls"),
    (
      #"{"name": "t", "sources": [{"kind": "scrape", "job": "j", "urls": ["ftp://x"]}]}"#,
      #"sources.urls: "ftp://x" is no URL; write it as http://host:port/metrics"#
    ),
    (
      #"{"name": "t", "sources": [{"kind": "scrape", "urls": ["http://x"]}]}"#,
      "sources.job: a scrape needs a job, its label of that name"
    ),
    (
      #"{"name": "t", "sources": [{"kind": "scrape", "job": "j", "urls": ["http://x"], "timeout": "1m"}]}"#,
      "sources.timeout: is longer than the interval, 15s"
    ),
  ])
  func `what is wrong is refused with its place`(json: String, message: String) {
    #expect {
      _ = try Self.read(json)
    } throws: { error in
      let isTold = "\(error)".contains(message)
      if !isTold { print("\(error)") }
      return isTold && "\(error)".hasPrefix("d/x:")
    }
  }

  @Test func `a path and a name that disagree are refused`() {
    #expect {
      _ = try Self.read(Self.least, name: "other")
    } throws: { error in
      "\(error)".contains(#"the task is "other" by its path and "t" by its name"#)
    }
  }

  @Test func `a dry run says what to look at`() throws {
    let json =
      #"{"filter": ["job=a"], "labels": "k=v", "match": ["up"], "since": "1m", "limit": 3, "stale_markers": "NaN"}"#
    let request = try TaskReader(document: "request").dryRun(JSONDocument.parse(Array(json.utf8)))
    #expect(request.filter.map(\.text) == ["job=a"] && request.labels.map(\.text) == ["k=v"])
    #expect(request.match == ["up"] && request.since == .seconds(60) && request.limit == 3)
    #expect(request.staleMarkers == .nan)
    #expect {
      _ = try TaskReader(document: "request").dryRun(JSONDocument.parse(Array(#"{"filter": ["job=("]}"#.utf8)))
    } throws: { error in
      "\(error)".hasPrefix(#"request:1:13: filter: line "job=(""#)
    }
  }
}
