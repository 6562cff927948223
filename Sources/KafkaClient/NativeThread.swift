internal import Glibc

/// A thread of ours, for calls that block: they have no place on Swift's cooperative pool.
final class NativeThread: Sendable {
  private enum Stage { case running, finished, joined }
  private let stage: Monitor<Stage>
  private let thread: pthread_t

  /// - Parameter name: what `top -H` and debuggers show; Linux keeps its first 15 bytes.
  init(named name: String, _ body: @escaping @Sendable () -> Void) {
    let stage = Monitor(Stage.running)
    let start = Start(name: String(decoding: name.utf8.prefix(15), as: UTF8.self)) {
      body()
      stage.update { $0 = .finished }
    }
    var thread = pthread_t()
    let refused = pthread_create(&thread, nil, NativeThread.main, Unmanaged.passRetained(start).toOpaque())
    precondition(refused == 0, "the system gives no thread for \(name): \(String(cString: strerror(refused)))")
    self.thread = thread
    self.stage = stage
  }

  deinit {
    // Nobody asked for its end: the system cleans up when it is there.
    if stage.withLock({ $0 != .joined }) { pthread_detach(thread) }
  }

  /// Waits for the thread to end. `false`: it is still running at `deadline`.
  @discardableResult
  func join(until deadline: Deadline) -> Bool {
    let mayJoin = stage.wait(until: deadline) { stage -> Bool? in
      switch stage {
      case .running: return nil
      case .joined: return false
      case .finished:
        stage = .joined
        return true
      }
    }
    if mayJoin == true { pthread_join(thread, nil) }
    return mayJoin != nil
  }

  /// +1 in `init`, −1 in `main`, nowhere else.
  private final class Start: Sendable {
    let name: String
    let body: @Sendable () -> Void
    init(name: String, body: @escaping @Sendable () -> Void) {
      self.name = name
      self.body = body
    }
  }

  private static let main: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    guard let context else { return nil }
    let start = Unmanaged<Start>.fromOpaque(context).takeRetainedValue()
    nameThisThread(start.name)
    start.body()
    return nil
  }

  /// `pthread_setname_np` is a GNU extension that the Glibc module does not show; the kernel takes a name here too.
  private static func nameThisThread(_ name: String) {
    let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    var name = name
    _ = name.withUTF8 { write(file, $0.baseAddress, $0.count) }
    close(file)
  }
}
