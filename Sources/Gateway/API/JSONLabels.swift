internal import TimeSeries

/// Writes label sets as JSON objects, series after series.
struct JSONLabels: ~Copyable {
  private var places = LabelPlaces()

  /// Appends the labels in their order.
  /// - Parameter changes: since the last series; `all` when its text is no longer in `out`.
  mutating func append(_ labels: UnsafeBufferPointer<LabelBytes>, _ changes: LabelChanges, to out: inout ByteWriter) {
    out.append(UInt8(ascii: "{"))
    places.append(labels.count, changes, separator: UInt8(ascii: ","), to: &out) { place, out in
      out.append(UInt8(ascii: "\""))
      out.append(jsonEscaped: labels[place].name)
      out.append("\":\"")
      out.append(jsonEscaped: labels[place].value)
      out.append(UInt8(ascii: "\""))
    }
    if !labels.isEmpty { out.removeLast() }
    out.append(UInt8(ascii: "}"))
  }
}
