public import Configuration
internal import Dispatch
internal import KafkaClient
internal import Logging
internal import Scrape
internal import Synchronization

/// Why tasks are not changed.
public enum TaskError: Error, Sendable, CustomStringConvertible {
  case unknown(String)
  case exists(String)
  /// It belongs to the configuration file.
  case readOnly(String)
  /// What the task says cannot be.
  case invalid(String, reason: String)
  /// There is nowhere to keep tasks that were made by requests.
  case noStateDirectory
  /// The state directory, or a file in it.
  case storage(String)

  public var description: String {
    switch self {
    case .unknown(let name): "there is no delivery task \"\(name)\""
    case .exists(let name): "there is a delivery task \"\(name)\" already"
    case .readOnly(let name):
      "delivery task \"\(name)\" stands in the configuration file; change it there, and reload"
    case .invalid(let name, let reason): "delivery task \"\(name)\": \(reason)"
    case .noStateDirectory: "tasks cannot be changed by requests: there is no --delivery-state to keep them in"
    case .storage(let reason): reason
    }
  }
}

/// Changing tasks. A change is made as a whole or not at all, and no request notices it: whoever is at work with the old
/// tasks finishes with those.
extension Delivery {
  /// Takes the tasks of the configuration file in the place of those it had before.
  public func reload(_ tasks: [DeliveryTask]) throws(TaskError) {
    try changing.withLock { (_) throws(TaskError) in
      let kept = current.filter { $0.origin == .api }.map { ($0.definition, $0.origin) }
      try change(to: tasks.map { ($0, .file) } + kept)
    }
  }

  /// Makes a task and keeps it.
  public func create(_ task: DeliveryTask) throws(TaskError) {
    try changing.withLock { (_) throws(TaskError) in
      guard find(task.name) == nil else { throw .exists(task.name) }
      try put(task)
    }
  }

  /// Makes a task, or replaces it.
  /// - Returns: whether it is new.
  @discardableResult
  public func replace(_ task: DeliveryTask) throws(TaskError) -> Bool {
    try changing.withLock { (_) throws(TaskError) in
      let old = find(task.name)
      if old?.origin == .file { throw .readOnly(task.name) }
      try put(task)
      return old == nil
    }
  }

  /// Starts or stops a task, now and when promring is started again.
  public func setStarted(_ isStarted: Bool, _ name: String) throws(TaskError) {
    try changing.withLock { (_) throws(TaskError) in
      var task = try changeable(name).definition
      task.isStarted = isStarted
      try put(task)
    }
  }

  public func remove(_ name: String) throws(TaskError) {
    try changing.withLock { (_) throws(TaskError) in
      _ = try changeable(name)
      guard let store else { throw .noStateDirectory }
      try store.remove(name)
      try change(to: current.filter { $0.definition.name != name }.map { ($0.definition, $0.origin) })
    }
  }

  /// The definition of a task as it was given, secrets too: for a change that keeps them.
  public func definition(_ name: String) -> DeliveryTask? { find(name)?.definition }

  /// Whether any task has a source for remote writes.
  public var takesRemoteWrites: Bool { current.contains { !$0.writable(source: nil).isEmpty } }

  private func changeable(_ name: String) throws(TaskError) -> RunningTask {
    guard let task = find(name) else { throw .unknown(name) }
    if task.origin == .file { throw .readOnly(name) }
    return task
  }

  var current: [RunningTask] { registry.withLock { Array($0.tasks.values) } }

  private func find(_ name: String) -> RunningTask? { registry.withLock { $0.tasks[name] } }

  /// Written first: a task that runs and is forgotten at the next start would be worse than the reverse.
  private func put(_ task: DeliveryTask) throws(TaskError) {
    guard let store else { throw .noStateDirectory }
    let others = current.filter { $0.definition.name != task.name }.map { ($0.definition, $0.origin) }
    let old = find(task.name)?.definition
    try check(task)
    try store.save(task)
    do throws(TaskError) {
      try change(to: others + [(task, .api)])
    } catch {
      if let old { try? store.save(old) } else { try? store.remove(task.name) }
      throw error
    }
  }

  /// Whether librdkafka would take the target, and a scraper the pages.
  private func check(_ task: DeliveryTask) throws(TaskError) {
    _ = try settings(of: task)
    for case .scrape(let scrape) in task.sources.map(\.kind) {
      do throws(ScrapeTargetError) {
        try ScrapeSource.check(scrape)
      } catch {
        throw .invalid(task.name, reason: "\(error)")
      }
    }
  }

  private func settings(of task: DeliveryTask) throws(TaskError) -> TargetSettings {
    do throws(SettingsError) {
      return try TargetSettings(
        task, kafka: configuration.kafka, deliveryTimeout: configuration.delivery.requestTimeout, log: clientLog)
    } catch {
      throw .invalid(task.name, reason: "\(error)")
    }
  }

  /// Makes `tasks` the ones that there are.
  func change(to tasks: [(DeliveryTask, TaskOrigin)]) throws(TaskError) {
    let old = registry.withLock { $0.tasks }
    var made: [String: RunningTask] = [:]
    var fresh: [Target] = []
    do throws(TaskError) {
      for (task, origin) in tasks {
        guard made[task.name] == nil else {
          throw .invalid(task.name, reason: "it stands in the configuration file and in the state directory")
        }
        if let same = old[task.name], same.definition == task, same.origin == origin {
          made[task.name] = same
          continue
        }
        let running = try start(task, origin, after: old[task.name])
        if let target = running.target, target !== old[task.name]?.target { fresh.append(target) }
        made[task.name] = running
      }
    } catch {
      for target in fresh { target.close(within: .zero) }
      throw error
    }
    let routes = routes(of: made)
    registry.withLock { registry in
      registry.tasks = made
      registry.routes = routes
    }
    changeScrapes(from: old, to: made)
    let kept = made.values.compactMap(\.target)
    for target in old.values.compactMap(\.target) where !kept.contains(where: { $0 === target }) {
      // Requests may be at work with it still: what they bring is delivered, too.
      DispatchQueue.global().asyncAfter(deadline: .now() + .seconds(1)) { target.close(within: .seconds(30)) }
    }
    for (name, task) in made.sorted(by: { $0.key < $1.key }) where task !== old[name] {
      logger.info(
        "delivery task", metadata: ["task": "\(name)", "started": "\(task.definition.isStarted)"])
    }
  }

  private func start(
    _ task: DeliveryTask, _ origin: TaskOrigin, after old: RunningTask?
  ) throws(TaskError) -> RunningTask {
    let lanes = task.sources.map { source in
      old?.lanes.first { $0.source == source && $0.staleMarkers == task.staleMarkers }
        ?? Lane(source, staleMarkers: task.staleMarkers, cacheBytesMax: configuration.delivery.cacheBytes)
    }
    try check(task)
    let settings = try settings(of: task)
    guard task.isStarted else { return RunningTask(task, origin, target: nil, lanes: lanes) }
    let scrapes = try scrapes(of: task, after: old)
    if let target = old?.target, target.settings == settings {
      return RunningTask(task, origin, target: target, lanes: lanes, scrapes: scrapes)
    }
    do throws(SettingsError) {
      let target = try Target(settings, budget: budget, logger: logger, clock: clock)
      return RunningTask(task, origin, target: target, lanes: lanes, scrapes: scrapes)
    } catch {
      throw .invalid(task.name, reason: "\(error)")
    }
  }

  // MARK: Scraping

  /// The scrapers of a task: those that it had, and new ones, which do nothing yet.
  private func scrapes(of task: DeliveryTask, after old: RunningTask?) throws(TaskError) -> [Int: ScrapeSource] {
    var scrapes: [Int: ScrapeSource] = [:]
    for (i, source) in task.sources.enumerated() {
      guard case .scrape = source.kind else { continue }
      let key = ScrapeSource.Key(source, at: i)
      if let same = old?.scrapes.values.first(where: { $0.key == key }) {
        scrapes[i] = same
        continue
      }
      do throws(ScraperError) {
        scrapes[i] = try ScrapeSource(key: key, budget: budget)
      } catch {
        throw .invalid(task.name, reason: "\(error)")
      }
    }
    return scrapes
  }

  /// Has scrapers begin, go on with what has changed, and end.
  private func changeScrapes(from old: [String: RunningTask], to made: [String: RunningTask]) {
    let kept = made.values.flatMap(\.scrapes.values)
    for source in old.values.flatMap(\.scrapes.values) where !kept.contains(where: { $0 === source }) {
      source.retire()
    }
    for (name, task) in made where task !== old[name] {
      guard let target = task.target else { continue }
      for (i, source) in task.scrapes {
        guard case .scrape(let scrape) = task.lanes[i].source.kind else { continue }
        let route = Route([(task.lanes[i], target)], limits: limits, budget: budget, metadata: metadata)
        do throws(ScrapeTargetError) {
          try source.go(on: scrape, by: route)
        } catch {
          logger.error("a source is not scraped", metadata: ["task": "\(name)", "cause": "\(error)"])
        }
      }
    }
  }

  private func routes(of tasks: [String: RunningTask]) -> [WriteAddress: Route] {
    var addresses: [WriteAddress: [(lane: Lane, target: Target)]] = [:]
    for (name, task) in tasks.sorted(by: { $0.key < $1.key }) {
      guard let target = task.target else { continue }
      for lane in task.writable(source: nil) {
        addresses[.everyTask, default: []].append((lane, target))
        addresses[.task(name, source: nil), default: []].append((lane, target))
        if !lane.source.name.isEmpty {
          addresses[.task(name, source: lane.source.name), default: []].append((lane, target))
        }
      }
    }
    return addresses.mapValues { Route($0, limits: limits, budget: budget, metadata: metadata) }
  }
}
