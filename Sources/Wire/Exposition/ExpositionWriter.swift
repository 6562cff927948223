public import TimeSeries

/// Writes a page of metrics, family by family as a `FamilyPlan` has them. One page a writer; its bytes can be taken
/// away between families, so that a large page need not be held as a whole.
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
  private var isOpen = false
  private var isHeld = false
  private var held: HeldFamily
  /// Where the open family begins on the page.
  private var familyStart = 0
  /// The series of the open family, once two of them may look the same.
  private var seen: Set<[UInt8]>?
  private var line = ByteWriter()

  /// - Parameters:
  ///   - extraLabels: for series that have no label of that name, after their own; an empty value is written.
  ///     `/federate` gives `instance=""`, lest the scraper add its own.
  ///   - capacity: bytes to begin with.
  public init(_ dialect: ExpositionDialect, extraLabels: [Label] = [], capacity: Int = 1 << 16) {
    self.dialect = dialect
    page = ByteWriter(capacity: capacity)
    series = SeriesRenderer(escaping: dialect.escaping, extraLabels: extraLabels)
    values = ValueRenderer(format: dialect.format)
    held = HeldFamily(format: dialect.format)
  }

  /// Ends the open family and begins `family`. A family without samples leaves no trace.
  public mutating func start(_ family: MetricFamily) {
    endFamily()
    self.family = family
    isOpen = true
    familyStart = page.count
    seen = family.mayRepeat ? [] : nil
    isHeld = HeldFamily.isNeeded(for: family, in: dialect.format)
    series.boundName = isHeld ? family.type.boundLabel : []
    if isHeld { held.begin(family) }
  }

  /// Appends a sample of the open family; the program stops when there is none.
  /// - Parameters:
  ///   - labels: sorted by name, each name once, `__name__` among them: one of the family's metric names.
  ///   - timestamp: milliseconds since the epoch; `nil` writes none.
  public mutating func sample(labels: UnsafeBufferPointer<LabelBytes>, value: Double, timestamp: Int64?) {
    precondition(isOpen, "a sample was given to a page without an open family")
    if value.isStaleMarker {
      tally.stale += 1
    } else if let timestamp, timestamp < 0, dialect.format == .text004 {
      tally.unwritable += 1
    } else if let glance = series.look(at: labels) {
      if isHeld {
        held.append(labels, glance, value, timestamp, &series, &values)
        return
      }
      if page.count == familyStart { appendHeader() }
      if glance.isPlain, seen == nil {
        _ = series.append(labels, glance, to: &page)
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
    endFamily()
    if dialect.format == .openMetrics100 { page.append("# EOF\n") }
    tally.labels = series.labelsDropped
  }

  /// Bytes written and not taken yet, the open family left aside.
  public var count: Int { page.count }

  /// Ends the open family, lends what has been written to `body` and forgets it. The next sample needs a new family.
  public mutating func drain<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
    endFamily()
    defer { page.removeAll() }
    return try page.withBytes(body)
  }

  /// A copy of what has been written and not taken away.
  public borrowing func copy() -> [UInt8] { page.copy() }

  private mutating func endFamily() {
    if family != nil, isHeld { held.end(mayRepeat: seen != nil, to: &page, &tally) }
    family = nil
    isOpen = false
    seen = nil
  }

  /// Appends the series unless one that looks the same is there. The first series of a changed look makes us read the
  /// family again: until then there was nothing to remember.
  private mutating func appendOnce(_ labels: UnsafeBufferPointer<LabelBytes>, _ glance: SeriesRenderer.Glance) -> Bool {
    line.removeAll()
    let shape = series.append(labels, glance, to: &line)
    if shape.isAltered, seen == nil { seen = Self.seriesWritten(on: page, from: familyStart) }
    if seen?.insert(line.copy()).inserted == false { return false }
    line.withBytes { page.append($0) }
    return true
  }

  /// The series on the page from `start` on. A line feed ends a line and nothing else, and a value holds no brace.
  private static func seriesWritten(on page: borrowing ByteWriter, from start: Int) -> Set<[UInt8]> {
    page.withBytes { bytes in
      let lines = bytes[start...].split(separator: UInt8(ascii: "\n")).filter { $0.first != UInt8(ascii: "#") }
      return Set(
        lines.map { line in
          let brace = line.lastIndex(of: UInt8(ascii: "}")).map { $0 + 1 }
          return Array(line[..<(brace ?? line.firstIndex(of: UInt8(ascii: " ")) ?? line.endIndex)])
        })
    }
  }

  private mutating func appendHeader() {
    guard let family else { return }
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
