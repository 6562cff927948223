public import TimeSeries

/// Writes a page of metrics, family by family as a `FamilyPlan` has them. One page a writer; its bytes can be taken
/// away at any time, so that a large page need not be held as a whole.
///
///     for family in plan.families {
///       writer.start(family)
///       for name in family.metricNames { /* writer.sample(…) for each series of that metric */ }
///     }
///     writer.finish()
///
/// What would make a reader refuse the page is kept off it and counted in `tally`: families whose samples contradict
/// their type become untyped, samples that cannot be written and series that occur twice are left out.
public struct ExpositionWriter: ~Copyable {
  public let dialect: ExpositionDialect
  public private(set) var tally = ExpositionTally()
  private var page: ByteWriter
  private var series: SeriesRenderer
  private var values: ValueRenderer
  /// The open family. Its header is written with its first sample.
  private var family: MetricFamily?
  private var hasHeader = false
  private var isHeld = false
  private var held: HeldFamily
  private let mayMeet: Bool
  /// The series of the open family where two of them may look the same.
  private var seen: Set<[UInt8]>?
  private var line = ByteWriter()

  /// - Parameters:
  ///   - extraLabels: for series that have no label of that name, after their own; an empty value is written.
  ///     `/federate` gives `instance=""`, lest the scraper add its own.
  ///   - labelNames: all that series of the page have, if that is known: where each is printed as it is, no two
  ///     series can come to look the same, and none need be remembered.
  ///   - capacity: bytes to begin with.
  public init(
    _ dialect: ExpositionDialect, extraLabels: [Label] = [], labelNames: [String]? = nil, capacity: Int = 96 << 10
  ) {
    self.dialect = dialect
    mayMeet = dialect.escaping == .dots || labelNames.map { !$0.allSatisfy(Self.isPrintedAsItIs) } ?? true
    page = ByteWriter(capacity: capacity)
    series = SeriesRenderer(escaping: dialect.escaping, extraLabels: extraLabels)
    values = ValueRenderer(format: dialect.format)
    held = HeldFamily(format: dialect.format)
  }

  /// Ends the open family and begins `family`. A family without samples leaves no trace.
  public mutating func start(_ family: MetricFamily) {
    _ = endFamily(bytesMax: .max)
    self.family = family
    hasHeader = false
    isHeld = HeldFamily.isNeeded(for: family, in: dialect.format)
    seen = !isHeld && (family.mayRepeat || mayMeet) ? [] : nil
    series.boundName = isHeld ? family.type.boundLabel : []
    if isHeld { held.begin(family) }
  }

  /// Appends a sample of the open family; the program stops when there is none.
  /// - Parameters:
  ///   - labels: sorted by name, each name once, `__name__` among them: one of the family's metric names.
  ///   - changes: of the labels since the sample before.
  ///   - timestamp: milliseconds since the epoch; `nil` writes none.
  public mutating func sample(
    labels: UnsafeBufferPointer<LabelBytes>, changes: LabelChanges = .all, value: Double, timestamp: Int64?
  ) {
    precondition(family != nil, "a sample was given to a page without an open family")
    if value.isStaleMarker {
      series.skip(changes)
      tally.stale += 1
    } else if let timestamp, timestamp < 0, dialect.format == .text004 {
      series.skip(changes)
      tally.unwritable += 1
    } else if let glance = series.look(at: labels, changes) {
      if isHeld {
        held.append(labels, glance, value, timestamp, &series)
        return
      }
      if !hasHeader { appendHeader() }
      if seen == nil {
        series.append(labels, glance, to: &page)
      } else if !appendOnce(labels, glance) {
        tally.duplicates += 1
        return
      }
      values.append(value, timestamp, to: &page)
      tally.samples += 1
    } else {
      tally.unwritable += 1
    }
  }

  /// Ends the page.
  public mutating func finish() {
    _ = endFamily(bytesMax: .max)
    if dialect.format == .openMetrics100 { page.append("# EOF\n") }
    tally.labels = series.labelsDropped
  }

  /// Bytes written and not taken yet; those of a family whose samples have to be gathered come with its end.
  public var count: Int { page.count }

  /// Lends what has been written to `body` and forgets it.
  public mutating func drain<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    defer {
      page.removeAll()
      series.forgetText()
    }
    return try page.withBytes(body)
  }

  /// A copy of what has been written and not taken away.
  public borrowing func copy() -> [UInt8] { page.copy() }

  /// Ends the open family, and writes what is missing of it until about `bytesMax` bytes have not been taken away:
  /// the samples of some families are gathered first.
  /// - Returns: whether the family has been written. It need not be asked: the next one does not begin before.
  public mutating func endFamily(bytesMax: Int) -> Bool {
    if let family, isHeld { held.end(mayRepeat: family.mayRepeat, &tally) }
    family = nil
    seen = nil
    return !isHeld || held.write(to: &page, &values, bytesMax: bytesMax)
  }

  /// Appends the series unless one that looks the same is there.
  private mutating func appendOnce(_ labels: UnsafeBufferPointer<LabelBytes>, _ glance: SeriesRenderer.Glance) -> Bool {
    line.removeAll()
    series.forgetText()
    series.append(labels, glance, to: &line)
    guard seen?.insert(line.copy()).inserted != false else { return false }
    line.withBytes { page.append($0) }
    return true
  }

  private static func isPrintedAsItIs(_ labelName: String) -> Bool {
    if labelName.hasSameBytes(as: Label.metricName) { return true }
    var name = labelName
    return name.withUTF8 { LabelText.isPlainName(UnsafeRawBufferPointer($0)) }
  }

  @inline(never) private mutating func appendHeader() {
    guard let family else { return }
    hasHeader = true
    Self.appendHeader(family.name, family.type, family.help, dialect.format, to: &page)
  }

  /// The HELP and TYPE lines. Help is left out when it is blank: OpenMetrics knows no empty one.
  static func appendHeader(
    _ name: String, _ type: MetricType, _ help: String?, _ format: ExpositionFormat, to out: inout ByteWriter
  ) {
    let name = name.isLegacyMetricName ? name : name.quotedForPrometheus
    if var help, help.contains(where: { !$0.isWhitespace }) {
      out.append("# HELP ")
      out.append(name)
      out.append(UInt8(ascii: " "))
      help.withUTF8 {
        LabelText.appendEscaped(UnsafeRawBufferPointer($0), quotes: format == .openMetrics100, to: &out)
      }
      out.append(UInt8(ascii: "\n"))
    }
    out.append("# TYPE ")
    out.append(name)
    out.append(UInt8(ascii: " "))
    out.append(type.word(in: format))
    out.append(UInt8(ascii: "\n"))
  }
}
