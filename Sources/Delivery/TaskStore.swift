internal import Configuration
internal import Foundation
internal import Glibc

/// The directory that keeps the tasks that requests have made: one JSON file for each, `<name>.json`, which only the
/// owner may read, as secrets are in it. A file is written beside its place, synchronised and renamed, so that it is
/// there whole or not at all, whatever happens meanwhile.
///
/// One process at a time uses a directory.
final class TaskStore: Sendable {
  private let path: String
  /// Locked for as long as this lives.
  private let lock: Int32

  init(_ path: String) throws(TaskError) {
    self.path = path
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw Self.failure("make", path) }
    let lockPath = "\(path)/.lock"
    let lock = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard lock >= 0 else { throw Self.failure("open", lockPath) }
    self.lock = lock
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
      throw .storage("--delivery-state \(path): another process uses it")
    }
  }

  deinit { close(lock) }

  private static func failure(_ doing: String, _ path: String) -> TaskError {
    .storage("--delivery-state: cannot \(doing) \(path): \(String(cString: strerror(errno)))")
  }

  private func file(_ name: String) -> String { "\(path)/\(name).json" }

  /// Every task that is kept, by name. What a crash has left half-written is removed.
  func load() throws(TaskError) -> [DeliveryTask] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: path)
    } catch {
      throw .storage("--delivery-state: cannot list \(path): \(error.localizedDescription)")
    }
    var tasks: [DeliveryTask] = []
    for name in names.sorted() {
      if name.hasSuffix(".json.new") { unlink("\(path)/\(name)") }
      guard name.hasSuffix(".json") else { continue }
      tasks.append(try read("\(path)/\(name)", named: String(name.dropLast(".json".count))))
    }
    return tasks
  }

  private func read(_ file: String, named name: String) throws(TaskError) -> DeliveryTask {
    guard let bytes = FileManager.default.contents(atPath: file) else { throw Self.failure("read", file) }
    do {
      return try TaskReader(document: file).task(try JSONDocument.parse(Array(bytes)), name: name)
    } catch {
      throw .storage("\(file) is damaged: \(error); repair it, or remove it with the task")
    }
  }

  func save(_ task: DeliveryTask) throws(TaskError) {
    let text = Array((task.json(secrets: true) + "\n").utf8)
    let fresh = file(task.name) + ".new"
    let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw Self.failure("make", fresh) }
    var written = 0
    while written < text.count {
      let count = text[written...].withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      written += count
    }
    let isWhole = written == text.count && fsync(descriptor) == 0
    let error = Self.failure("write", fresh)
    close(descriptor)
    guard isWhole else {
      unlink(fresh)
      throw error
    }
    guard rename(fresh, file(task.name)) == 0 else { throw Self.failure("rename", fresh) }
    try synchronise()
  }

  func remove(_ name: String) throws(TaskError) {
    guard unlink(file(name)) == 0 || errno == ENOENT else { throw Self.failure("remove", file(name)) }
    try synchronise()
  }

  /// A name that was changed is safe when its directory is.
  private func synchronise() throws(TaskError) {
    let directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { throw Self.failure("open", path) }
    defer { close(directory) }
    guard fsync(directory) == 0 else { throw Self.failure("synchronise", path) }
  }
}
