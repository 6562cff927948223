internal import TimeSeries

/// How the metrics of a page are grouped into families, so that every reader takes the page.
///
/// Types come from declarations first, then from names: `x_bucket` with or without `x_sum` and `x_count` makes a
/// histogram, `x` with both a summary, `x_total` a counter, `x_info` an info (a gauge in text), `x_created` a gauge or,
/// in OpenMetrics, a part of the counter, histogram or summary `x`. Names alone can mislead, so the writer looks at the
/// samples before it believes a family that has rules.
///
/// Readers refuse a page in which a family's reserved names appear outside it: Go's text parser takes the TYPE line of
/// a gauge `x_count` for a second one of the histogram `x`; OpenMetrics reserves `x` for the counter `x_total`. Where
/// names contend like that, or a declaration contradicts a neighbour's, the family that would need them is given up and
/// its metrics stand alone, untyped.
public struct FamilyPlan: Sendable {
  /// In the order of the page: by name.
  public let families: [MetricFamily]

  /// - Parameters:
  ///   - metricNames: of everything on the page. A name given twice has two sources, whose series are then checked for
  ///     repeats.
  ///   - declared: what is known, by the name of the metric or of the family; a counter may be given with or without
  ///     `_total`.
  ///   - defaultHelp: the HELP of families for which none is declared; `promtool check metrics` complains about each
  ///     family without one.
  public init(
    metricNames: some Sequence<String>, declared: [String: MetricDeclaration] = [:], defaultHelp: String? = nil,
    dialect: ExpositionDialect
  ) {
    var planner = Planner(declared: declared, defaultHelp: defaultHelp, dialect: dialect)
    planner.add(metricNames)
    planner.formFamilies()
    families = planner.families.sorted { $0.name.compareBytes(with: $1.name) < 0 }
  }

  /// The plan of a `/federate` page: each metric a family of its own, untyped, without HELP
  /// (`prometheus/prometheus: web/federate.go`).
  public static func federation(metricNames: some Sequence<String>, escaping: NameEscaping) -> FamilyPlan {
    var planner = Planner(
      declared: [:], defaultHelp: nil, dialect: ExpositionDialect(format: .text004, escaping: escaping))
    planner.add(metricNames)
    planner.formSingles(typed: false)
    return FamilyPlan(families: planner.families.sorted { $0.name.compareBytes(with: $1.name) < 0 })
  }

  private init(families: [MetricFamily]) { self.families = families }
}

/// Works on names as they will be printed: escaping may turn two metrics into one.
private struct Planner {
  let defaultHelp: String?
  let dialect: ExpositionDialect
  var families: [MetricFamily] = []
  /// By printed name.
  private var declared: [NameKey: MetricDeclaration] = [:]
  /// The metrics behind each printed name.
  private var sources: [NameKey: [String]] = [:]
  /// The printed names, in order.
  private var printed: [String] = []
  private var claimed: Set<NameKey> = []
  /// Names that belong to a typed family, whether a metric has them or not.
  private var reserved: Set<NameKey> = []

  init(declared: [String: MetricDeclaration], defaultHelp: String?, dialect: ExpositionDialect) {
    self.defaultHelp = defaultHelp
    self.dialect = dialect
    for (name, declaration) in declared.sorted(by: { $0.key.compareBytes(with: $1.key) > 0 }) {
      self.declared[NameKey(dialect.escaping.escape(metricName: name))] = declaration
    }
  }

  mutating func add(_ metricNames: some Sequence<String>) {
    for name in metricNames {
      sources[NameKey(dialect.escaping.escape(metricName: name)), default: []].append(name)
    }
    printed = sources.keys.map(\.text).sorted { $0.compareBytes(with: $1) < 0 }
  }

  mutating func formFamilies() {
    for type in [MetricType.histogram, .summary] {
      let bases = declared.filter { $0.value.type == type }.map(\.key.text)
      for base in bases.sorted(by: { $0.compareBytes(with: $1) < 0 }) { claim(base, type) }
    }
    for name in printed {
      if let base = name.dropping(suffix: "_bucket"), declaration(of: name) == nil { claim(base, .histogram) }
    }
    for name in printed where declaration(of: name) == nil {
      if isPrinted(name + "_sum"), isPrinted(name + "_count") { claim(name, .summary) }
    }
    if dialect.format == .openMetrics100 {
      for (type, suffix) in [(MetricType.counter, "_total"), (.info, "_info")] {
        for name in printed where ownType(of: name) == type {
          if let base = name.dropping(suffix: suffix) { claim(base, type) }
        }
      }
    }
    formSingles(typed: true)
  }

  /// The metrics that no family has claimed.
  mutating func formSingles(typed: Bool) {
    for name in printed where !claimed.contains(NameKey(name)) {
      let type = typed ? singleType(of: name) : .unknown
      append(name: name, type: type, members: [name])
    }
  }

  /// Forms the family unless one of its names is spoken for; then its metrics are left to stand alone.
  private mutating func claim(_ base: String, _ type: MetricType) {
    let members = type.parts(in: dialect.format).map { base + $0.suffix }
    var names = Set(members.map(NameKey.init))
    let present = members.filter { isPrinted($0) }
    // The family's own name is taken by the TYPE line even where no sample may have it.
    let intruder = isPrinted(base) && !names.contains(NameKey(base))
    names.insert(NameKey(base))
    let contradicted = declared[NameKey(base)].map { $0.type != type } ?? false
    guard !intruder, !contradicted, names.isDisjoint(with: reserved), names.isDisjoint(with: claimed), !present.isEmpty,
      present.allSatisfy({ mayJoin($0, base: base, type: type) })
    else { return }
    reserved.formUnion(names)
    claimed.formUnion(present.map(NameKey.init))
    append(name: base, type: type, members: present)
  }

  /// A metric with a declaration of its own joins only the family that the declaration means.
  private func mayJoin(_ name: String, base: String, type: MetricType) -> Bool {
    guard let own = declared[NameKey(name)]?.type else { return true }
    // `_created` is a gauge to the writers of text, a part of the family to those of OpenMetrics.
    return own == type || (own == .gauge && name.hasByteSuffix("_created"))
  }

  private mutating func append(name: String, type: MetricType, members: [String]) {
    let metricNames = members.flatMap { sources[NameKey($0)] ?? [] }
    let help = declaration(of: name)?.help ?? members.compactMap { declaration(of: $0)?.help }.first
    let family = MetricFamily(
      name: name, type: type, help: help ?? defaultHelp, metricNames: unique(metricNames),
      mayRepeat: metricNames.count > members.count)
    families.append(family)
  }

  private func isPrinted(_ name: String) -> Bool { sources[NameKey(name)] != nil }

  private func declaration(of name: String) -> MetricDeclaration? {
    if let own = declared[NameKey(name)] { return own }
    guard let base = name.dropping(suffix: "_total"), let own = declared[NameKey(base)] else { return nil }
    return own.type == .counter ? own : nil
  }

  /// The type of a metric for its own sake, without neighbours.
  private func ownType(of name: String) -> MetricType {
    declaration(of: name)?.type ?? MetricType.inferred(name: name, hasLE: false, hasQuantile: false)
  }

  private func singleType(of name: String) -> MetricType {
    switch (ownType(of: name), dialect.format) {
    // Whoever got here failed to form a family.
    case (.histogram, _), (.summary, _), (.gaugeHistogram, _), (.unknown, _): .unknown
    case (.counter, .openMetrics100), (.info, .openMetrics100): .unknown
    case (.counter, .text004): .counter
    case (.gauge, _), (.stateset, _), (.info, .text004): .gauge
    }
  }

  private func unique(_ names: [String]) -> [String] {
    var seen: Set<NameKey> = []
    return names.filter { seen.insert(NameKey($0)).inserted }
  }
}
