internal import Configuration
internal import Description
internal import Foundation
internal import Gateway
internal import KafkaClient
internal import Logging

/// What the commands run once configuration, logging and signals stand: the one place where the program meets the
/// gateway.
enum Programs {
  /// Serves until `context.termination`; throws when it cannot start.
  /// - Parameter load: reads the configuration anew, for SIGHUP and `POST /-/reload`.
  static func serve(
    _ configuration: ServeConfiguration, _ context: ProgramContext,
    load: (@Sendable () throws -> ServeConfiguration)? = nil
  ) throws {
    CoreDump.forbid(for: configuration)
    let gateway = try Gateway(
      configuration, logger: context.logger, description: Description.openAPI, load: load,
      webConfig: WebConfigLoader(of: configuration))
    // What is wrong has been logged when it throws.
    context.onReload { try? gateway.reload() }
    context.termination.wait()
    gateway.stop(within: configuration.shutdown.timeout - .milliseconds(500))
  }

  static func demo(_ configuration: DemoConfiguration, _ context: ProgramContext) throws {
    CoreDump.forbid(for: configuration.gateway)
    let demo = try Demo(
      configuration.gateway, interval: configuration.interval, partitions: configuration.partitions,
      logger: context.logger, description: Description.openAPI, webConfig: WebConfigLoader(of: configuration.gateway))
    while !demo.isReady, context.termination.reason == nil { Thread.sleep(forTimeInterval: 0.05) }
    if context.termination.reason == nil {
      let scheme = demo.speaksTLS ? "https" : "http"
      print(DemoBanner.text(baseURL: "\(scheme)://\(demo.address)\(configuration.gateway.web.pathPrefix)"))
      fflush(nil)  // a pipe gets it now, too
    }
    context.termination.wait()
    demo.stop(within: configuration.gateway.shutdown.timeout - .milliseconds(500))
  }

  static func tail(_ configuration: TailConfiguration, _ context: ProgramContext) throws {
    let now = Int64(Date().timeIntervalSince1970 * 1000)
    let start: Int64? =
      switch configuration.start {
      case .beginning: nil
      case .end: now
      case .age(let age): now - age.wholeMilliseconds
      }
    let lines: Tail.Lines =
      switch configuration.output {
      case .table: .text(Results.line)
      case .json: .samples
      case .arrays: .arrays
      }
    let tail = try Tail(
      configuration.kafka,
      Tail.Options(
        start: start, untilEnd: configuration.untilEnd, limit: configuration.limit, lines: lines,
        recordBytesMax: configuration.record.maxBytes),
      logger: context.logger
    ) { context.termination.request($0) }
    if configuration.untilEnd {
      while !tail.isAtEnd, context.termination.reason == nil { Thread.sleep(forTimeInterval: 0.02) }
    } else {
      context.termination.wait()
    }
    tail.stop(within: .seconds(5))
  }

  /// What librdkafka does not like of these properties, `nil` when it takes them all.
  @Sendable static func kafkaProblem(_ properties: [String: String]) -> KafkaPropertyProblem? {
    do throws(SettingsError) {
      _ = try ClientSettings(brokers: ["localhost"], properties: properties)
      return nil
    } catch {
      switch error {
      case .unknown(let property, let hint):
        let reason = "librdkafka \(ClientSettings.libraryVersion) knows no such property"
        return KafkaPropertyProblem(property, reason + (hint.map { "; \($0)" } ?? ""))
      case .invalid(let property, let reason), .reserved(let property, let reason):
        return KafkaPropertyProblem(property, reason)
      default: return KafkaPropertyProblem("", "\(error)")
      }
    }
  }
}

/// What the demo says when it is ready: commands that work as they stand.
enum DemoBanner {
  static func text(baseURL: String) -> String {
    """

    promring demo is ready: a Kafka in this process, metrics of this machine every second, and the gateway on \(baseURL)

      \(baseURL)/   in a browser: samples, graphs, what arrives, and how all fares

      curl -s '\(baseURL)/api/v1/samples?__name__=node_load1&since=10s'
      curl -s '\(baseURL)/api/v1/samples?match[]=node_cpu_seconds_total{mode="idle"}&since=5s&format=csv' --globoff
      curl -sN '\(baseURL)/api/v1/samples/stream?__name__=node_load1'
      curl -s '\(baseURL)/api/v1/labels'
      curl -s '\(baseURL)/metrics' | grep ^node_memory_MemAvailable
      curl -s '\(baseURL)/api/v1/status/kafka'
      curl -s '\(baseURL)/api/v1/delivery/tasks'

    Stop it with Ctrl-C.

    """
  }
}
