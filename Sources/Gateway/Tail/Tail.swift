public import Configuration
internal import Foundation
internal import KafkaClient
public import Logging
internal import Synchronization
internal import TimeSeries
internal import Wire

/// Prints the samples of topics as they come: what `promring tail` runs.
public final class Tail: Sendable {
  /// What a line is.
  public enum Lines: Sendable {
    /// The object of a sample, as it was delivered.
    case samples
    /// The array of a record, as it was delivered.
    case arrays
    /// What this makes of the object of a sample; where that is nothing, the object.
    case text(@Sendable (UnsafeRawBufferPointer) -> String?)
  }

  public struct Options: Sendable {
    /// Where reading begins: records of this time and later, in milliseconds; `nil` for the oldest.
    public var start: Int64?
    /// Stop at the ends that the partitions have at the start.
    public var untilEnd: Bool
    /// Lines after which to stop.
    public var limit: Int?
    public var lines: Lines
    public var recordBytesMax: Int

    public init(start: Int64?, untilEnd: Bool, limit: Int?, lines: Lines, recordBytesMax: Int) {
      self.start = start
      self.untilEnd = untilEnd
      self.limit = limit
      self.lines = lines
      self.recordBytesMax = recordBytesMax
    }
  }

  private let consumers: ConsumerPool

  /// Starts printing to standard output.
  /// - Parameter onEnd: called once when there is nothing more to print, with the reason.
  public init(
    _ kafka: ServeConfiguration.Kafka, _ options: Options, logger: Logger,
    onEnd: @escaping @Sendable (String) -> Void
  ) throws(Gateway.StartError) {
    do {
      let printer = TailPrinter(options, logger: logger, onEnd: onEnd)
      var one = kafka
      // Lines of one partition must not be printed out of order, and a terminal is not read by two eyes.
      one.threads = 1
      one.mode = .all
      consumers = try ConsumerPool(
        settings: ClientSettings(kafka, logger: logger),
        options: ConsumerOptions(one, startTimestamp: { options.start }),
        makeProcessor: { _ in TailProcessor(printer, options) })
    } catch {
      throw Gateway.StartError(error)
    }
  }

  /// Whether everything there was at the start has been printed.
  public var isAtEnd: Bool { consumers.snapshot().isReplayed }

  /// What keeps it from reading, if anything does.
  public var trouble: String? { consumers.snapshot().trouble.map { "\($0)" } }

  public func stop(within limit: Duration) { consumers.stop(within: limit) }
}

/// Writes lines to standard output until enough are written or nobody reads them any more.
private final class TailPrinter: Sendable {
  private let linesLeft: Mutex<Int>
  private let onEnd: @Sendable (String) -> Void
  let logger: Logger

  init(_ options: Tail.Options, logger: Logger, onEnd: @escaping @Sendable (String) -> Void) {
    linesLeft = Mutex(options.limit ?? .max)
    self.logger = logger
    self.onEnd = onEnd
  }

  func print(_ text: borrowing ByteWriter, lines: Int) {
    let end: String? = linesLeft.withLock { left in
      guard left > 0 else { return nil }
      let isWritten = text.withBytes { bytes in
        let wanted = lines <= left ? bytes.count : Self.prefix(bytes, lines: left)
        let isOpen: Void? = try? FileHandle.standardOutput.write(contentsOf: Data(bytes.prefix(wanted)))
        return isOpen != nil
      }
      left = isWritten ? max(left - (left == .max ? 0 : lines), 0) : 0
      return left > 0 ? nil : isWritten ? "limit reached" : "standard output is closed"
    }
    if let end { onEnd(end) }
  }

  private static func prefix(_ bytes: UnsafeRawBufferPointer, lines: Int) -> Int {
    var left = lines
    for (i, byte) in bytes.enumerated() where byte == 0x0A {
      left -= 1
      if left == 0 { return i + 1 }
    }
    return bytes.count
  }
}

private struct TailProcessor: RecordProcessor {
  private let printer: TailPrinter
  private let options: Tail.Options

  init(_ printer: TailPrinter, _ options: Tail.Options) {
    self.printer = printer
    self.options = options
  }

  func process(_ batch: borrowing RecordBatch) {
    var unpacker = RecordUnpacker(bytesMax: options.recordBytesMax)
    var lines = ByteWriter()
    var count = 0
    batch.forEachRecord { record in
      guard let value = record.value else { return }
      let place = "\(record.topic)[\(record.source.partition)]@\(record.offset)"
      do throws(UnpackError) {
        try unpacker.unpack(value) { text in
          if case .arrays = options.lines {
            DeliveredText.appendCompact(text, to: &lines)
            lines.append("\n")
            count += 1
            return
          }
          do throws(JSONFault) {
            try DeliveredText.forEachElement(text) { element in
              if case .text(let line) = options.lines, let text = line(element) {
                lines.append(text)
              } else {
                DeliveredText.appendCompact(element, to: &lines)
              }
              lines.append("\n")
              count += 1
            }
          } catch {
            printer.logger.warning("record not read whole", metadata: ["record": "\(place)", "reason": "\(error)"])
          }
        }
      } catch {
        printer.logger.warning("record not read", metadata: ["record": "\(place)", "reason": "\(error)"])
      }
    }
    if count > 0 { printer.print(lines, lines: count) }
  }
}
