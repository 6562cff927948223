/// Which handler answers which method and path.
///
/// A pattern is a path whose segments are literal or `{name}`, which stands for one segment that is not empty, as in
/// `/api/v1/label/{name}/values`. Paths are split before they are decoded, so `%2F` can be part of a segment. Literal
/// patterns win over those with names; among the latter the one declared first wins.
public struct Router: Sendable {
  public typealias Handler = @Sendable (Request) throws -> Response
  /// A handler that may leave a request to another one, with `nil`.
  public typealias Attempt = @Sendable (Request) throws -> Response?

  /// Where a handler runs.
  public enum Execution: Sendable {
    /// On the I/O thread, which serves nobody else meanwhile: for probes and small status pages.
    case inline
    /// On a worker pool, while the connection costs no thread. Before that, on the I/O thread, `attempt` answers what it
    /// can answer at once: handing a request to another thread and back costs more than a small answer does.
    case pooled(WorkerPool, attempt: Attempt? = nil)
  }

  struct Route: Sendable {
    let method: String
    let pattern: String
    let execution: Execution
    let handler: Handler
  }

  /// What a method and a path come to.
  enum Match {
    case found(Route, Parameters)
    /// The path is known, the method is not.
    case notAllowed([String])
    /// The path is known but for a slash at its end.
    case redirect(path: String)
    case unknown
  }

  private struct Path {
    let segments: [Segment]
    var routes: [Route] = []
  }

  private enum Segment {
    case literal([UInt8])
    case name(String)
  }

  private let prefix: [UInt8]
  private var paths: [Path] = []
  /// Patterns without names: the whole path to its place in `paths`.
  private var literals: [[UInt8]: Int] = [:]

  /// - Parameter prefix: what comes before every pattern, as in `/promring`; a slash at its end is dropped.
  public init(prefix: String = "") {
    var bytes = Array(prefix.utf8)
    while bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    precondition(bytes.isEmpty || bytes.first == UInt8(ascii: "/"), "prefix \(prefix) does not begin with a slash")
    self.prefix = bytes
  }

  /// Every route, in the order of declaration, patterns without the prefix.
  public var routes: [(method: String, pattern: String)] {
    declared.map { ($0.method, $0.pattern) }
  }
  private var declared: [Route] = []

  /// Adds a route. A GET route answers HEAD too, unless HEAD has a route of its own.
  /// - Precondition: `pattern` begins with a slash and the method has no route for it yet.
  public mutating func on(
    _ method: String, _ pattern: String, _ execution: Execution, _ handler: @escaping Handler
  ) {
    precondition(pattern.utf8.first == UInt8(ascii: "/"), "pattern \(pattern) does not begin with a slash")
    let route = Route(method: method, pattern: pattern, execution: execution, handler: handler)
    let segments = Self.split(Array(pattern.utf8)[...]).map { bytes in
      bytes.first == UInt8(ascii: "{") && bytes.last == UInt8(ascii: "}")
        ? Segment.name(String(decoding: bytes.dropFirst().dropLast(), as: UTF8.self)) : .literal(Array(bytes))
    }
    let index = paths.firstIndex { $0.routes.contains { hasSameBytes($0.pattern, pattern) } } ?? paths.endIndex
    if index == paths.endIndex { paths.append(Path(segments: segments)) }
    precondition(!paths[index].routes.contains { $0.method == method }, "two routes for \(method) \(pattern)")
    paths[index].routes.append(route)
    declared.append(route)
    if segments.allSatisfy({ if case .literal = $0 { true } else { false } }) { literals[Array(pattern.utf8)] = index }
  }

  public mutating func get(_ pattern: String, _ execution: Execution, _ handler: @escaping Handler) {
    on("GET", pattern, execution, handler)
  }

  public mutating func post(_ pattern: String, _ execution: Execution, _ handler: @escaping Handler) {
    on("POST", pattern, execution, handler)
  }

  /// Finds the route of a request.
  /// - Parameter rawPath: as sent, still encoded, with the prefix.
  func match(_ method: String, _ rawPath: ArraySlice<UInt8>) -> Match {
    guard rawPath.starts(with: prefix) else { return .unknown }
    let path = rawPath.dropFirst(prefix.count)
    if let (found, parameters) = find(path) { return choose(method, found, parameters) }
    let isSlashed = path.last == UInt8(ascii: "/")
    let other = isSlashed ? path.dropLast() : path + [UInt8(ascii: "/")]
    guard find(other) != nil else { return .unknown }
    let target = isSlashed ? rawPath.dropLast() : rawPath + [UInt8(ascii: "/")]
    return .redirect(path: String(decoding: target, as: UTF8.self))
  }

  private func choose(_ method: String, _ path: Path, _ parameters: Parameters) -> Match {
    if let route = path.routes.first(where: { $0.method == method }) { return .found(route, parameters) }
    if method == "HEAD", let route = path.routes.first(where: { $0.method == "GET" }) {
      return .found(route, parameters)
    }
    var allowed = Set(path.routes.map(\.method) + ["OPTIONS"])
    if allowed.contains("GET") { allowed.insert("HEAD") }
    return .notAllowed(allowed.sorted())
  }

  private func find(_ path: ArraySlice<UInt8>) -> (Path, Parameters)? {
    if let index = literals[Array(path)] { return (paths[index], Parameters()) }
    guard path.first == UInt8(ascii: "/") else { return nil }
    let sent = Self.split(path)
    var named: (Path, Parameters)?
    for candidate in paths where candidate.segments.count == sent.count {
      guard let parameters = Self.match(candidate.segments, sent) else { continue }
      if parameters.isEmpty { return (candidate, Parameters()) }  // a literal path, written with escapes
      if named == nil { named = (candidate, Parameters(parameters)) }
    }
    return named
  }

  private static func match(_ segments: [Segment], _ sent: [ArraySlice<UInt8>]) -> [(name: String, value: String)]? {
    var parameters: [(name: String, value: String)] = []
    for (segment, bytes) in zip(segments, sent) {
      guard let text = PercentEncoding.decode(bytes, plusIsSpace: false) else { return nil }
      switch segment {
      case .literal(let literal): guard text.utf8.elementsEqual(literal) else { return nil }
      case .name(let name):
        guard !text.isEmpty else { return nil }
        parameters.append((name, text))
      }
    }
    return parameters
  }

  private static func split(_ path: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
    path.dropFirst().split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
  }
}
