internal import TimeSeries

/// Decodes remote-write requests of both versions (prometheus/docs: `docs/specs/prw/`) series by series, without copying a
/// label or, in steady state, allocating anything. One thread's, used request after request.
///
/// Throws for bytes that are no such message, and for one that holds more than a request may; to send it again would not
/// help. A series that breaks a rule of its own is handed to `reject`, and its neighbours are taken.
public struct RemoteWriteDecoder: ~Copyable {
  public let limits: RemoteWriteLimits
  var labels: SeriesLabels
  var samples = SampleColumns()
  var symbols = SymbolTable()
  /// Version 1: where the labels of the series are; version 2: the numbers of their symbols. No more than are allowed.
  var spans: [Range<Int>] = []
  var references: [UInt32] = []
  let hash = KeyedHash.process

  public init(limits: RemoteWriteLimits = RemoteWriteLimits()) {
    self.limits = limits
    labels = SeriesLabels(capacity: limits.labelsMax)
  }

  /// - Parameter body: the message, unpacked.
  public mutating func decode(
    _ body: UnsafeRawBufferPointer, as version: RemoteWriteVersion, to sink: any RemoteWriteSink
  ) throws(ProtobufError) -> RemoteWriteTally {
    switch version {
    case .version1: try decodeVersion1(body, to: sink)
    case .version2: try decodeVersion2(body, to: sink)
    }
  }

  /// What is known of one series while it is read.
  struct Points {
    /// How many samples the request may still hold.
    var samplesMax: Int
    var labels = 0
    var histograms = 0
    var exemplars = 0
    /// Whether no sample is earlier than the one before it.
    var isOrdered = true
    var lastTimestamp = Int64.min

    init(_ limits: RemoteWriteLimits, _ tally: RemoteWriteTally) {
      samplesMax = limits.samplesMax - tally.samples - tally.rejectedSamples
    }
  }

  // MARK: Parts that both versions share

  /// A Sample: value is field 1 and timestamp field 2 in both.
  @inline(__always)
  mutating func readSample(
    _ message: ProtobufReader, _ byte: Int, _ points: inout Points
  ) throws(ProtobufError) {
    guard samples.count < points.samplesMax else {
      throw ProtobufError(.value("more than \(limits.samplesMax) in one request"), "TimeSeries.samples", byte: byte)
    }
    var reader = message
    var timestamp: Int64 = 0
    var bits: UInt64 = 0
    while let field = try reader.next(in: "Sample") {
      switch field.number {
      case 1: bits = try reader.doubleBits(field, "Sample.value")
      case 2: timestamp = try reader.signed(field, "Sample.timestamp")
      default: try reader.skip(field, in: "Sample")
      }
    }
    if timestamp < points.lastTimestamp { points.isOrdered = false }
    points.lastTimestamp = timestamp
    samples.append(timestamp, bits: bits)
  }

  func check(_ count: Int, _ field: StaticString, byte: Int) throws(ProtobufError) {
    guard count <= limits.seriesMax else {
      throw ProtobufError(.value("more than \(limits.seriesMax) in one request"), field, byte: byte)
    }
  }

  /// Hands over the series whose labels have been gathered, or the reason why not.
  mutating func deliver(
    _ identity: SeriesIdentity?, anyNames: Bool, to sink: any RemoteWriteSink, _ tally: inout RemoteWriteTally
  ) {
    if let fault = labels.normalise(limits, anyNames: anyNames) { return reject(fault, to: sink, &tally) }
    sink.series(labels.lent, identity, samples)
    count(&tally)
  }

  func count(_ tally: inout RemoteWriteTally) {
    tally.series += 1
    tally.samples += samples.count
  }

  func reject(_ fault: SeriesRejection, to sink: any RemoteWriteSink, _ tally: inout RemoteWriteTally) {
    tally.rejectedSeries += 1
    tally.rejectedSamples += samples.count
    sink.reject(fault, samples: samples.count, text: labels.description)
  }
}
