/// What holds for all targets of a scraper.
public struct ScraperSettings: Sendable {
  /// How the scraper calls itself to its targets: the `User-Agent` field.
  public var userAgent = "promring"
  /// What all pages that are being read may take together.
  public var bodiesBytesMax = 256 << 20
  /// Of its thread, as tools show it.
  public var name = "scrape"

  public init() {}
}

/// Why there is no scraper.
public enum ScraperError: Error, Equatable, Sendable, CustomStringConvertible {
  case noLibrary
  case noThread

  public var description: String {
    switch self {
    case .noLibrary: "libcurl cannot be started: there is no memory or no randomness"
    case .noThread: "the system gives no thread for the scraper: check the limits"
    }
  }
}

/// Reads pages of metrics from targets, each at its interval, and hands on what they bring. One thread serves any number
/// of them: a target that is slow or silent holds up nobody else. It runs until `stop`, or until it is released.
public final class Scraper: Sendable {
  let core: ScrapeCore

  /// - Parameter sink: gets every scrape, on the scraper's thread.
  public init(_ settings: ScraperSettings = ScraperSettings(), sink: any ScrapeSink) throws(ScraperError) {
    guard let multi = MultiHandle() else { throw .noLibrary }
    let core = ScrapeCore(settings, sink, multi)
    self.core = core
    let hasThread = LoopThread.start(named: settings.name) {
      ScrapeLoop(core).run()
      core.end()
    }
    guard hasThread else { throw .noThread }
  }

  deinit { core.stop() }

  /// From now on these are the targets. One that was there before, with the same URL and labels, goes on: its series, its
  /// counts, its connection if nothing has changed. The series of one that is gone end with stale markers.
  /// - Throws: what is wrong with one of them; then nothing changes.
  public func update(_ targets: [ScrapeTarget]) throws(ScrapeTargetError) {
    core.change(to: try Scraper.resolve(targets))
  }

  /// Whether `update` would take these targets.
  public static func check(_ targets: [ScrapeTarget]) throws(ScrapeTargetError) { _ = try resolve(targets) }

  private static func resolve(_ targets: [ScrapeTarget]) throws(ScrapeTargetError) -> [ResolvedTarget] {
    var resolved: [ResolvedTarget] = []
    var keys: Set<ResolvedTarget.Key> = []
    for target in targets {
      let one = try ResolvedTarget(target)
      guard keys.insert(one.key).inserted else { throw .repeated(url: target.url) }
      resolved.append(one)
    }
    return resolved
  }

  /// How the targets are doing, in the order in which they were given.
  public var statuses: [ScrapeStatus] { core.statuses }

  /// Ends all scrapes at once; what they would have brought is lost, and no series ends by it: whoever scrapes next goes
  /// on with them. A second call waits for the first.
  /// - Parameter timeout: to wait for a sink that is at work.
  /// - Returns: false if the thread is still running then.
  @discardableResult
  public func stop(within timeout: Duration = .seconds(5)) -> Bool {
    core.stop()
    return core.waitForEnd(within: timeout)
  }
}
