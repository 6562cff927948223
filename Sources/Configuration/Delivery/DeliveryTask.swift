/// A delivery task as somebody has described it: which samples go where, and as what.
public struct DeliveryTask: Sendable, Equatable {
  /// By which it is asked for: letters, digits, `.`, `_` and `-`.
  public var name: String
  public var description = ""
  /// Whether it delivers; a task that is stopped is kept, and what is sent to it by name is refused for the time being.
  public var isStarted = true
  public var sources: [Source] = []
  public var target = Target()
  public var batch = Batch()
  public var staleMarkers = StaleMarkers.drop

  public init(name: String) { self.name = name }
}

extension DeliveryTask {
  /// Where samples come from, which of them pass, and what is attached to those.
  public struct Source: Sendable, Equatable {
    public enum Kind: Sendable, Equatable {
      /// Senders post them to `/api/v1/write`.
      case remoteWrite
      /// promring fetches them.
      case scrape(Scrape)
    }

    /// Tells the sources of a task apart, for senders and status pages; may be empty where there is but one.
    public var name = ""
    public var kind: Kind
    public var filter: [FilterLine] = []
    public var labels: [LabelLine] = []

    public init(_ kind: Kind) { self.kind = kind }
  }

  /// Pages to fetch, as a `scrape_config` of Prometheus describes them.
  public struct Scrape: Sendable, Equatable {
    public var urls: [String] = []
    public var interval = Duration.seconds(15)
    public var timeout = Duration.seconds(10)
    /// The label `job`.
    public var job = ""
    /// The label `instance`; empty stands for host and port of the URL.
    public var instance = ""
    /// Whether labels of the page go before `job` and `instance`.
    public var honorLabels = false
    public var authorization = Authorization.none
    public var tls = TLS()

    public init() {}
  }

  public enum Authorization: Sendable, Equatable {
    case none
    case bearer(KafkaProperty)
    case basic(user: String, password: KafkaProperty)
  }

  public struct TLS: Sendable, Equatable {
    /// PEM files; empty means the system's authorities, and no certificate of our own.
    public var caFile = ""
    public var certificateFile = ""
    public var keyFile = ""
    /// Whether any certificate will do.
    public var isInsecure = false

    public init() {}
  }

  /// Where samples go.
  public struct Target: Sendable, Equatable {
    public enum Idempotence: String, Sendable, CaseIterable {
      /// Where the brokers can do it.
      case auto
      case on, off
    }

    /// `host:port` each; none stands for the brokers that the gateway reads from, with their properties.
    public var brokers: [String] = []
    public var topic = ""
    /// librdkafka properties, by name.
    public var properties: [String: KafkaProperty] = [:]
    public var idempotence = Idempotence.auto

    public init() {}
  }

  /// What a record holds at most, and how long it may wait for more.
  public struct Batch: Sendable, Equatable {
    public var samples = 500
    /// Bytes of JSON text, before compression.
    public var bytes = 512 << 10
    public var linger = Duration.milliseconds(5)

    public init() {}
  }

  /// What becomes of the samples by which Prometheus says that a series has ended.
  public enum StaleMarkers: String, Sendable, CaseIterable {
    case drop
    /// promring reads it as the marker again; others may know no such number.
    case staleNaN = "StaleNaN"
    /// An ordinary NaN to everybody.
    case nan = "NaN"
  }
}
