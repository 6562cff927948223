/// What the labels of a series have in common with those of the series lent before it, place by place.
public struct LabelChanges: Sendable {
  /// Bit k is set where the label at place k may be another one.
  @usableFromInline var bits: UInt64

  @inlinable init(bits: UInt64) { self.bits = bits }

  /// Nothing is known to be the same.
  @inlinable public static var all: LabelChanges { LabelChanges(bits: .max) }
  /// Every label is the same.
  @inlinable public static var none: LabelChanges { LabelChanges(bits: 0) }

  /// Whether the label at `place` may be another one. Places from 64 on always may.
  @inlinable public func contains(_ place: Int) -> Bool { place >= 64 || bits >> UInt64(place) & 1 != 0 }

  /// Whether any of the first `count` labels may be another one.
  @inlinable public func containsAny(below count: Int) -> Bool {
    count > 64 || bits << UInt64(64 &- count) != 0 && count > 0
  }

  @inlinable public mutating func remove(_ place: Int) {
    if place < 64 { bits &= ~(1 << UInt64(place)) }
  }

  /// For what has missed a series: the changes since the one before that.
  @inlinable public mutating func formUnion(_ other: LabelChanges) { bits |= other.bits }
}

/// Where the text of each label of the last series lies in the writer it went to, so that the next series copies what
/// it has in common with that one. Neighbours share four of five labels: a page of a hundred thousand series is mostly
/// copied, a run of labels at a time, instead of looked at byte by byte.
public struct LabelPlaces: ~Copyable {
  @usableFromInline static let count = 64
  @usableFromInline let starts = UnsafeMutablePointer<Int>.allocate(capacity: count)
  @usableFromInline let ends = UnsafeMutablePointer<Int>.allocate(capacity: count)

  public init() {
    starts.initialize(repeating: 0, count: Self.count)
    ends.initialize(repeating: 0, count: Self.count)
  }

  deinit {
    starts.deallocate()
    ends.deallocate()
  }

  /// Appends the texts of `count` labels, a separator behind each that is not empty.
  /// - Parameters:
  ///   - changes: since the last series that went through here; `all` when that one's text is no longer where it was
  ///     appended to, as when the writer has been emptied or is another one. What stood behind its last label may have
  ///     been overwritten.
  ///   - render: appends the text of the label at a place, which may be none; it depends on the label and the place
  ///     alone.
  @inlinable public mutating func append(
    _ count: Int, _ changes: LabelChanges, separator: UInt8, to out: inout ByteWriter,
    _ render: (Int, inout ByteWriter) -> Void
  ) {
    var end = out.count  // of the last text; empty ones lie there, before the separator
    var place = 0
    while place < count {
      let first = place
      place &+= 1
      if changes.contains(first) {
        let start = out.count
        render(first, &out)
        if out.count == start {
          remember(first, end, end)
          continue
        }
        end = out.count
        remember(first, start, end)
      } else if starts[first] == ends[first] {
        remember(first, end, end)
        continue
      } else {
        while place < count && !changes.contains(place) { place &+= 1 }
        let run = starts[first]..<ends[place &- 1]
        let shift = out.count &- run.lowerBound
        out.append(copyOf: run)
        end = out.count
        for i in first..<place {
          starts[i] &+= shift
          ends[i] &+= shift
        }
      }
      out.append(separator)
    }
  }

  @inlinable func remember(_ place: Int, _ start: Int, _ end: Int) {
    guard place < Self.count else { return }
    starts[place] = start
    ends[place] = end
  }
}
