/// Evaluates queries. It keeps nothing between them; one serves any number of threads.
public struct Engine: Sendable {
  public struct Options: Sendable {
    /// How far back an instant selector reaches, in milliseconds.
    public var lookbackDelta: Int64 = 5 * 60 * 1000
    /// The resolution of subqueries that name none, in milliseconds.
    public var subqueryInterval: Int64 = 60 * 1000
    /// Samples that a query may hold in memory at once.
    public var maxSamples = 50_000_000
    /// Series that a query may select, all selectors together.
    public var maxSeries = Int.max
    /// Threads that one query may use, the calling one included.
    public var threads = 1
    /// What queries share that run at the same time. Each has to hold one (`Processors.withOne`) while it runs.
    public var processors: Processors?
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

  /// Reads a query, to evaluate it.
  public func prepare(_ text: String) throws(QueryError) -> PreparedQuery {
    let started = ContinuousClock.now
    let expression = try parse(text)
    return PreparedQuery(text: text, expression: expression, time: started.duration(to: .now))
  }

  /// Evaluates a query at one moment.
  /// - Parameters:
  ///   - time: milliseconds since the Unix epoch.
  ///   - lookbackDelta: in place of the engine's own, in milliseconds.
  ///   - deadline: when it passes, the query ends with `timeout`.
  public func instant(
    _ query: PreparedQuery, at time: Int64, from source: any SampleSource, lookbackDelta: Int64? = nil,
    deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
  ) throws(QueryError) -> QueryResult {
    let frame = Frame(start: Engine.clamp(time), interval: 1, count: 1)
    let evaluator = makeEvaluator(query, source, frame, step: 0, lookbackDelta, deadline, cancellation)
    return try evaluator.instantResult(query.expression)
  }

  /// Reads and evaluates a query at one moment.
  public func instant(
    _ text: String, at time: Int64, from source: any SampleSource, lookbackDelta: Int64? = nil,
    deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
  ) throws(QueryError) -> QueryResult {
    try instant(
      prepare(text), at: time, from: source, lookbackDelta: lookbackDelta, deadline: deadline,
      cancellation: cancellation)
  }

  /// Evaluates a query at every `step` milliseconds from `start` to `end`.
  public func range(
    _ query: PreparedQuery, from start: Int64, through end: Int64, step: Int64, from source: any SampleSource,
    lookbackDelta: Int64? = nil, deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
  ) throws(QueryError) -> QueryResult {
    let expression = query.expression
    guard expression.type == .vector || expression.type == .scalar else {
      let type = expression.type.documentedName.quotedAsInGo
      throw .invalid("invalid expression type \(type) for range query, must be Scalar or instant Vector")
    }
    let (first, last) = (Engine.clamp(start), Engine.clamp(end))
    if last < first { throw .invalid("end timestamp must not be before start time") }
    if step <= 0 { throw .invalid("zero or negative query resolution step widths are not accepted") }
    let frame = Frame(start: first, end: last, interval: step)
    let evaluator = makeEvaluator(query, source, frame, step: step, lookbackDelta, deadline, cancellation)
    evaluator.queryEnd = last
    return try evaluator.rangeResult(expression)
  }

  /// Reads and evaluates a query at every `step` milliseconds from `start` to `end`.
  public func range(
    _ text: String, from start: Int64, through end: Int64, step: Int64, from source: any SampleSource,
    lookbackDelta: Int64? = nil, deadline: ContinuousClock.Instant? = nil, cancellation: Cancellation? = nil
  ) throws(QueryError) -> QueryResult {
    try range(
      prepare(text), from: start, through: end, step: step, from: source, lookbackDelta: lookbackDelta,
      deadline: deadline, cancellation: cancellation)
  }

  private func makeEvaluator(
    _ query: PreparedQuery, _ source: any SampleSource, _ frame: Frame, step: Int64, _ lookbackDelta: Int64?,
    _ deadline: ContinuousClock.Instant?, _ cancellation: Cancellation?
  ) -> Evaluator {
    let lookback = lookbackDelta.map { $0 > 0 ? $0 : options.lookbackDelta } ?? options.lookbackDelta
    let control = Control(
      maxSamples: options.maxSamples, deadline: deadline, cancellation: cancellation, processors: options.processors)
    let evaluator = Evaluator(
      source: source, options: options, control: control, text: query.text, query: frame, step: step,
      lookback: min(lookback, Engine.timeLimit / 4))
    evaluator.statistics.queryPreparationTime = query.time
    return evaluator
  }
}
