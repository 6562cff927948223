internal import Configuration
internal import TimeSeries

/// The filter lines of a source: a series passes if every line matches.
struct Filter: Sendable {
  let lines: [FilterLine]

  /// The first line that does not match; `nil` lets the series through.
  func rejectingLine(_ labels: UnsafeBufferPointer<LabelBytes>) -> Int? {
    lines.firstIndex { line in
      let value = labels.first { $0.name.elementsEqual(line.name.utf8) }?.value
      return !line.regex.matches(UnsafeBufferPointer(rebasing: (value ?? Self.empty).bindMemory(to: UInt8.self)[...]))
    }
  }

  private static var empty: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: nil, count: 0) }
}
