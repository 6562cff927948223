internal import Configuration

/// What the commands run once configuration, logging and signals stand: the one place where the program meets the
/// gateway.
enum Programs {
  /// Serves until `context.termination`; throws when it cannot start.
  static func serve(_ configuration: ServeConfiguration, _ context: ProgramContext) throws {
    throw ProgramError("this build has no gateway")
  }

  static func demo(_ configuration: DemoConfiguration, _ context: ProgramContext) throws {
    throw ProgramError("this build has no gateway")
  }

  static func tail(_ configuration: TailConfiguration, _ context: ProgramContext) throws {
    throw ProgramError("this build has no Kafka client")
  }

  /// Which of these properties librdkafka refuses; `nil` when it takes them all.
  @Sendable static func kafkaProblem(_ properties: [String: String]) -> KafkaPropertyProblem? { nil }
}
