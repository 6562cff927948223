internal import TimeSeries

/// A line on a terminal that says how far something is, written over again and wiped at the end. Where standard error is
/// no terminal it writes nothing.
struct ProgressBar {
  private let terminal: Terminal
  private let write: (String) -> Void
  private var isShown = false

  private static let cells = 30

  init(on terminal: Terminal = .error, write: @escaping (String) -> Void = StandardError.write) {
    self.terminal = terminal
    self.write = write
  }

  /// - Parameter done: of `all`, which may still be growing.
  mutating func show(_ what: String, done: Int, of all: Int) {
    guard let width = terminal.width else { return }
    let share = all > 0 ? min(max(Double(done) / Double(all), 0), 1) : 0
    let full = Int(share * Double(ProgressBar.cells))
    let bar = String(repeating: "█", count: full) + String(repeating: "░", count: ProgressBar.cells - full)
    let line = "\(what) \(bar) \(Int(share * 100)) % (\(done) of \(all))"
    write("\r" + String(line.prefix(width - 1)) + "\u{1b}[K")
    isShown = true
  }

  mutating func clear() {
    if isShown { write("\r\u{1b}[K") }
    isShown = false
  }
}
