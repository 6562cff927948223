public import Configuration
internal import Foundation
internal import HTTPServer
public import KafkaClient
public import Logging
internal import SampleBuffer
internal import TimeSeries
internal import Wire

/// What the operator has set, in the words of each part of the house.
extension BufferSettings {
  init(_ configuration: ServeConfiguration) {
    let buffer = configuration.buffer
    self.init()
    retention = buffer.retention.wholeMilliseconds
    slabDuration = buffer.effectiveSlabDuration.wholeMilliseconds
    futureSkew = buffer.futureSkew.wholeMilliseconds
    bytesMax = buffer.maxBytes
    seriesMax = buffer.maxSeries
    labelsMax = buffer.maxLabels
    labelNameBytesMax = buffer.maxLabelNameBytes
    labelValueBytesMax = buffer.maxLabelValueBytes
  }
}

extension ClientSettings {
  /// Of any client of the program; librdkafka's log lines go to `logger`.
  public init(_ kafka: ServeConfiguration.Kafka, logger: Logger) throws(SettingsError) {
    try self.init(
      brokers: kafka.brokers, properties: kafka.properties.mapValues(\.value), log: ClientSettings.log(to: logger))
  }

  static func log(to logger: Logger) -> ClientLog {
    { level, facility, message in
      logger.log(
        level: Logger.Level(level), "\(message)", metadata: ["source": "librdkafka", "facility": "\(facility)"])
    }
  }
}

extension Logger.Level {
  fileprivate init(_ level: LogLevel) {
    self =
      switch level {
      case .emergency, .alert, .critical: .critical
      case .error: .error
      case .warning: .warning
      case .notice: .notice
      case .info: .info
      case .debug: .debug
      }
  }
}

extension ConsumerOptions {
  init(_ kafka: ServeConfiguration.Kafka, startTimestamp: @escaping @Sendable () -> Int64?) {
    self.init(
      topics: kafka.topics, mode: kafka.mode == .group ? .group(kafka.groupID) : .all,
      threads: kafka.threads == 0 ? ConsumerOptions.cores : kafka.threads, startTimestamp: startTimestamp,
      discoveryInterval: kafka.metadataInterval, queueBytesMax: kafka.queueBytes)
  }
}

extension ServerSettings {
  init(_ configuration: ServeConfiguration) {
    let web = configuration.web
    self.init(address: HTTPServer.ListenAddress(host: web.listenAddress.host, port: web.listenAddress.port))
    if web.threads > 0 { ioThreads = web.threads }
    connectionsMax = web.maxConnections
    connectionsPerAddressMax = web.maxConnectionsPerAddress
    requestTimeout = web.requestTimeout
    idleTimeout = web.idleTimeout
    headerBytesMax = web.maxHeaderBytes
    bodyBytesMax = web.maxBodyBytes
    grace = configuration.shutdown.timeout
  }
}

extension ServerSettings {
  /// Of the server for probes: whoever asks them asks little, and anybody may.
  init(probesAt address: Configuration.ListenAddress) {
    self.init(address: HTTPServer.ListenAddress(host: address.host, port: address.port))
    ioThreads = 1
    connectionsMax = 64
    idleTimeout = .seconds(30)
    headerBytesMax = 8 << 10
    bodyBytesMax = 0
  }
}

extension ServerHooks {
  /// Errors in JSON, and CORS as Prometheus has it (`util/httputil/cors.go`).
  init(_ web: ServeConfiguration.Web, logger: Logger) throws(AnchoredRegex.SyntaxError) {
    self.init()
    let origins = web.corsOrigin.isEmpty ? nil : try AnchoredRegex(web.corsOrigin)
    let prefix = web.pathPrefix
    let plainText = renderError
    renderError = { error, request in
      if let cause = error.cause { logger.error("a handler failed", metadata: ["error": "\(cause)"]) }
      // An unknown path or a wrong method is plain text, as in Prometheus (`prometheus/common: route`).
      if request.route == nil, [404, 405].contains(error.status) { return plainText(error, request) }
      return Answer.error(error)
    }
    decorate = { request, response in
      response.headers.add("X-Content-Type-Options", "nosniff")
      guard request.path.hasPrefix(prefix + "/api/") else { return }
      response.headers.add("Vary", "Origin")
      guard let origin = request.headers["Origin"], let origins else { return }
      response.headers["Access-Control-Allow-Headers"] = "Accept, Authorization, Content-Type, Origin"
      response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
      response.headers["Access-Control-Expose-Headers"] = "Date"
      if web.corsOrigin == ".*" {
        response.headers["Access-Control-Allow-Origin"] = "*"
      } else if origins.matches(origin) {
        response.headers["Access-Control-Allow-Origin"] = origin
      }
    }
    options = { request, allowed in
      guard request.path.hasPrefix(prefix + "/api/v1/") else { return nil }
      var response = Response.noContent
      if !allowed.isEmpty { response.headers["Allow"] = (allowed + ["OPTIONS"]).joined(separator: ", ") }
      return response
    }
    log = { logger.debug("http", metadata: ["message": "\($0)"]) }
    warn = { logger.warning("\($0)") }
  }
}

extension MetricDeclaration {
  /// What the configuration says of metric families.
  static func declared(_ export: ServeConfiguration.Export) -> [String: MetricDeclaration] {
    export.metrics.mapValues { described in
      MetricDeclaration(
        MetricType(rawValue: described.type.rawValue) ?? .unknown, help: described.help.isEmpty ? nil : described.help)
    }
  }
}
