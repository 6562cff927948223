/// Evaluates queries. It keeps nothing between them; one serves any number of threads.
public struct Engine: Sendable {
  public struct Options: Sendable {
    /// How far back an instant selector reaches, in milliseconds.
    public var lookbackDelta: Int64 = 5 * 60 * 1000
    /// The resolution of subqueries that name none, in milliseconds.
    public var subqueryInterval: Int64 = 60 * 1000
    /// Samples that a query may hold in memory at once.
    public var maxSamples = 50_000_000
    /// Threads that one query may use, the calling one included.
    public var threads = 1
    public var features: Features = []
    /// Whether statistics count samples for each step.
    public var countsSamplesPerStep = false

    public init() {}
  }

  public var options: Options

  public init(options: Options = Options()) { self.options = options }

  /// Times are kept this far from the ends of `Int64`, so that no offset, range or lookback can overflow.
  static let timeLimit: Int64 = 1 << 61

  static func clamp(_ time: Int64) -> Int64 { min(max(time, -timeLimit), timeLimit) }

  /// Reads a query with the engine's features.
  public func parse(_ text: String) throws(QueryError) -> Expression {
    do {
      return try parseExpression(text, features: options.features)
    } catch {
      throw .parse(error)
    }
  }

  /// Evaluates a query at one moment.
  /// - Parameters:
  ///   - time: milliseconds since the Unix epoch.
  ///   - lookbackDelta: in place of the engine's own, in milliseconds.
  ///   - deadline: when it passes, the query ends with `timeout`.
  public func instant(
    _ text: String, at time: Int64, from source: any SampleSource, lookbackDelta: Int64? = nil,
    deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
  ) throws(QueryError) -> QueryResult {
    let started = ContinuousClock.now
    let expression = try parse(text)
    let frame = Frame(start: Engine.clamp(time), interval: 1, count: 1)
    let evaluator = makeEvaluator(text, source, frame, step: 0, lookbackDelta, deadline, cancellation)
    evaluator.statistics.queryPreparationTime = started.duration(to: .now)
    return try evaluator.instantResult(expression, started)
  }

  /// Evaluates a query at every `step` milliseconds from `start` to `end`.
  public func range(
    _ text: String, from start: Int64, through end: Int64, step: Int64, from source: any SampleSource,
    lookbackDelta: Int64? = nil, deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
  ) throws(QueryError) -> QueryResult {
    let started = ContinuousClock.now
    let expression = try parse(text)
    guard expression.type == .vector || expression.type == .scalar else {
      let type = expression.type.documentedName.quotedAsInGo
      throw .invalid("invalid expression type \(type) for range query, must be Scalar or instant Vector")
    }
    let (first, last) = (Engine.clamp(start), Engine.clamp(end))
    if last < first { throw .invalid("end timestamp must not be before start time") }
    if step <= 0 { throw .invalid("zero or negative query resolution step widths are not accepted") }
    let frame = Frame(start: first, end: last, interval: step)
    let evaluator = makeEvaluator(text, source, frame, step: step, lookbackDelta, deadline, cancellation)
    evaluator.queryEnd = last
    evaluator.statistics.queryPreparationTime = started.duration(to: .now)
    return try evaluator.rangeResult(expression, started)
  }

  private func makeEvaluator(
    _ text: String, _ source: any SampleSource, _ frame: Frame, step: Int64, _ lookbackDelta: Int64?,
    _ deadline: ContinuousClock.Instant?, _ cancellation: Cancellation?
  ) -> Evaluator {
    let lookback = lookbackDelta.map { $0 > 0 ? $0 : options.lookbackDelta } ?? options.lookbackDelta
    return Evaluator(
      source: source, options: options,
      control: Control(maxSamples: options.maxSamples, deadline: deadline, cancellation: cancellation), text: text,
      query: frame, step: step, lookback: min(lookback, Engine.timeLimit / 4))
  }
}
