internal import CEmbedded

/// What the program says of its own HTTP side.
public enum Description {
  /// The text of `openapi.yaml`, as it was when this was built.
  public static var openAPI: [UInt8] {
    Array(UnsafeBufferPointer(start: promring_description.bytes, count: promring_description.count))
  }
}
