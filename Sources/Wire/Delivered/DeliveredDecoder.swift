public import TimeSeries

/// Where decoded samples go, and who knows the series. Called from the decoder's thread.
public protocol SampleSink: AnyObject {
  /// The series with these labels (sorted by name, no repeats, no empty values), entered if it is new.
  func series(_ labels: UnsafeBufferPointer<LabelBytes>) throws(SeriesRefusal) -> SeriesToken
  /// Takes a batch, and adds to `stale` the positions in it whose tokens no longer name a series.
  func append(_ batch: borrowing SampleBatch, stale: inout [Int])
  /// A sample is left out. `text` is its element of the array, lent for this call.
  func reject(_ reason: SampleRejection, text: UnsafeRawBufferPointer, byte: Int)
  /// The buffer will not take a sample's series.
  func refuse(_ refusal: SeriesRefusal)
  /// Series held now.
  var seriesCount: Int { get }
  /// Goes up whenever series have left the buffer.
  var removals: Int { get }
  /// Reports for each token whether it still names a series.
  func isCurrent(_ tokens: UnsafeBufferPointer<SeriesToken>, _ report: (Int, Bool) -> Void)
}

/// What was in one record.
public struct DecodedRecord: Sendable {
  /// Samples handed to the sink; what it made of them is its to count.
  public var samples = 0
  public var rejected = 0
  public var refused = 0
  /// Samples whose timestamp was in seconds.
  public var inSeconds = 0
  /// The text stopped being JSON; everything before that place has been decoded.
  public var fault: JSONFault?
}

/// Decodes the delivered format: a JSON array of flat objects, each one sample (`README`, "The format").
///
/// Known texts take the fast way (`TextCache`): no label is parsed, nothing is allocated. The rest are scanned, and
/// their labels interned, once. One thread's; keeps what it learned from record to record.
public struct DeliveredDecoder: ~Copyable {
  private var cache = TextCache()
  private var batch = SampleBatch()
  private var scanner = ObjectScanner()
  private let hash = KeyedHash.process
  private let sink: any SampleSink
  /// Entry of the sample decoded last, −1 when it has none.
  private var last = -1
  private var removals = 0
  private var stale: [Int] = []
  /// The labels of a new series being put together.
  private var labels = LabelList()
  /// A timestamp's text and what it meant: samples of one scrape share it.
  private var timestampText: (UInt64, UInt64) = (0, 0)
  private var timestampMilliseconds: Int64 = 0

  /// More texts than this, and more than four for each series held, are forgotten: a producer that never writes a
  /// series the same way twice must not fill the memory.
  private static var cachedTextsMin: Int { 1 << 16 }

  public init(sink: any SampleSink) { self.sink = sink }

  /// Bytes held for known texts.
  public var memoryBytes: Int { cache.memoryBytes }
  /// Known texts.
  public var cachedTexts: Int { cache.count }

  /// Forgets all known texts, for when memory is short or they have become more than the series they name.
  public mutating func forgetTexts() {
    cache.removeAll()
    last = -1
  }

  /// Decodes one record's text and hands its samples to the sink.
  /// - Parameter text: followed by `RecordUnpacker.padding` zeros that may be read.
  public mutating func decode(_ text: UnsafeRawBufferPointer) -> DecodedRecord {
    forgetRemovedSeries()
    var record = DecodedRecord()
    guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return record }
    do throws(JSONFault) {
      try decode(text, base, &record)
    } catch {
      record.fault = error
    }
    flush(text, &record)
    return record
  }

  private mutating func forgetRemovedSeries() {
    let now = sink.removals
    guard now != removals else { return }
    removals = now
    let sink = sink
    cache.removeAll { tokens, report in sink.isCurrent(tokens, report) }
    last = -1
  }

  // MARK: The array

  private mutating func decode(
    _ text: UnsafeRawBufferPointer, _ base: UnsafePointer<UInt8>, _ record: inout DecodedRecord
  ) throws(JSONFault) {
    var i = ObjectScanner.skipBlanks(base, 0)
    if i >= text.count { return }  // blank: an empty record
    if base[i] == UInt8(ascii: "{") {
      i = try decodeObject(text, base, i, &record)
    } else if base[i] == UInt8(ascii: "[") {
      i = ObjectScanner.skipBlanks(base, i + 1)
      if base[i] == UInt8(ascii: "]") {
        i += 1
      } else {
        try decodeElements(text, base, &i, &record)
      }
    } else {
      throw JSONFault(byte: i, expected: "an array of samples")
    }
    i = ObjectScanner.skipBlanks(base, i)
    guard i >= text.count else { throw JSONFault(byte: i, expected: "nothing behind the samples") }
  }

  private mutating func decodeElements(
    _ text: UnsafeRawBufferPointer, _ base: UnsafePointer<UInt8>, _ i: inout Int, _ record: inout DecodedRecord
  ) throws(JSONFault) {
    while true {
      if batch.isFull { flush(text, &record) }
      if base[i] == UInt8(ascii: "{") {
        if let end = decodeKnown(base, i, text.count, &record) {
          i = end
        } else {
          i = try decodeObject(text, base, i, &record)
        }
      } else {
        let end = try ObjectScanner.elementEnd(base, i, text.count)
        reject(.notAnObject, text, i..<end, &record)
        i = end
      }
      if base[i] == UInt8(ascii: ","), base[i + 1] == UInt8(ascii: "{") {
        i += 1
        continue
      }
      i = ObjectScanner.skipBlanks(base, i)
      switch base[i] {
      case UInt8(ascii: ","): i = ObjectScanner.skipBlanks(base, i + 1)
      case UInt8(ascii: "]"):
        i += 1
        return
      default: throw JSONFault(byte: min(i, text.count), expected: "',' or ']' after a sample")
      }
    }
  }

  // MARK: The fast way

  /// Decodes the sample at `start` if its text is the one that followed the last sample's text before.
  /// - Returns: the offset behind it, or `nil` when it is another text, or its numbers are not plain.
  @inline(__always)
  private mutating func decodeKnown(
    _ base: UnsafePointer<UInt8>, _ start: Int, _ count: Int, _ record: inout DecodedRecord
  ) -> Int? {
    guard last >= 0, !batch.isFull else { return nil }
    let next = Int(cache.entries[last].next)
    let shape = cache.entries[next].shape
    // The numbers take at least a byte each, and the padding covers what is read of them beyond the end.
    guard count &- start > Int(shape.prefix) &+ Int(shape.middle) &+ Int(shape.suffix) else { return nil }
    var sum = KeyedHash.Value()
    hash.add(base + start, count: Int(shape.prefix), region: 0, to: &sum)
    var p = base + start + Int(shape.prefix)
    let bits: UInt64
    let timestamp: Int64
    if shape.valueFirst {
      guard let value = NumberText.value(&p), p + Int(shape.middle) < base + count else { return nil }
      bits = value
      hash.add(p, count: Int(shape.middle), region: 1, to: &sum)
      p += Int(shape.middle)
      guard let time = plainTimestamp(&p) else { return nil }
      timestamp = time
    } else {
      guard let time = plainTimestamp(&p), p + Int(shape.middle) < base + count else { return nil }
      timestamp = time
      hash.add(p, count: Int(shape.middle), region: 1, to: &sum)
      p += Int(shape.middle)
      guard let value = NumberText.value(&p) else { return nil }
      bits = value
    }
    let end = p - base + Int(shape.suffix)
    guard end <= count else { return nil }
    hash.add(p, count: Int(shape.suffix), region: 2, to: &sum)
    guard sum == shape.hash else { return nil }
    batch.append(cache.entries[next].token, timestamp: timestamp, bits: bits, position: start)
    record.samples &+= 1
    last = next
    return end
  }

  /// Reads thirteen digits, milliseconds as they have been since 2001 and will be until 2286.
  @inline(__always)
  private mutating func plainTimestamp(_ p: inout UnsafePointer<UInt8>) -> Int64? {
    let raw = UnsafeRawPointer(p)
    let text = (raw.loadUnaligned(as: UInt64.self), raw.loadUnaligned(fromByteOffset: 5, as: UInt64.self))
    if text != timestampText {
      var milliseconds: Int64 = 0
      for i in 0..<13 {
        let digit = p[i] &- 48
        guard digit < 10 else { return nil }
        milliseconds = milliseconds &* 10 &+ Int64(digit)
      }
      guard milliseconds >= 1_000_000_000_000 else { return nil }
      timestampText = text
      timestampMilliseconds = milliseconds
    }
    guard p[13] &- 48 >= 10, p[13] != UInt8(ascii: "."), p[13] | 0x20 != UInt8(ascii: "e") else { return nil }
    p += 13
    return timestampMilliseconds
  }

  // MARK: The thorough way

  /// Decodes the object at `start`, whatever it is. Throws only when the text is not JSON.
  private mutating func decodeObject(
    _ text: UnsafeRawBufferPointer, _ base: UnsafePointer<UInt8>, _ start: Int, _ record: inout DecodedRecord,
    isRetry: Bool = false
  ) throws(JSONFault) -> Int {
    let end = try scanner.scan(text, start)
    guard end <= text.count else { throw JSONFault(byte: text.count, expected: "the end of an object") }
    do throws(SampleRejection) {
      try decodeScanned(text, base, start..<end, &record, isRetry: isRetry)
    } catch {
      reject(error, text, start..<end, &record)
    }
    return end
  }

  private mutating func decodeScanned(
    _ text: UnsafeRawBufferPointer, _ base: UnsafePointer<UInt8>, _ span: Range<Int>, _ record: inout DecodedRecord,
    isRetry: Bool
  ) throws(SampleRejection) {
    guard scanner.memberCount <= ObjectScanner.membersMax else { throw .tooManyMembers }
    var valueMember: Int?
    var timestampMember: Int?
    for (i, member) in scanner.members.enumerated() {
      if member.kind == .nested { throw .nested }
      if isKey("value", member, text) {
        guard valueMember == nil else { throw .repeatedLabel }
        valueMember = i
      } else if isKey("timestamp", member, text) {
        guard timestampMember == nil else { throw .repeatedLabel }
        timestampMember = i
      }
    }
    guard let valueMember, scanner.members[valueMember].kind != .null else { throw .missingValue }
    guard let timestampMember, scanner.members[timestampMember].kind != .null else { throw .missingTimestamp }
    let valueSpan = scanner.members[valueMember].value
    let timestampSpan = scanner.members[timestampMember].value
    guard let bits = number(valueMember, text, NumberText.value) else { throw .badValue }
    guard let time = number(timestampMember, text, NumberText.timestamp) else { throw .badTimestamp }

    let shape = self.shape(base, span, value: valueSpan, timestamp: timestampSpan)
    var token: SeriesToken
    if let shape, let known = cache.find(shape) {
      token = cache.entries[known].token
      if isRetry {
        guard let again = try series(text, except: valueMember, timestampMember, &record) else { return }
        token = again
        cache.entries[known].token = again
      }
      follow(known)
    } else {
      guard let new = try series(text, except: valueMember, timestampMember, &record) else { return }
      token = new
      if let shape {
        if cache.count >= Self.cachedTextsMin, cache.count / 4 > sink.seriesCount { forgetTexts() }
        follow(cache.insert(shape, token))
      }
    }
    if batch.isFull { flush(text, &record) }
    batch.append(token, timestamp: time.milliseconds, bits: bits, position: span.lowerBound)
    record.samples += 1
    if time.wasSeconds { record.inSeconds += 1 }
  }

  /// Notes that `entry` came after the last one.
  private mutating func follow(_ entry: Int) {
    if last >= 0 { cache.entries[last].next = UInt32(entry) }
    last = entry
  }

  private func isKey(_ key: StaticString, _ member: ObjectScanner.Member, _ text: UnsafeRawBufferPointer) -> Bool {
    if !member.keyHasEscapes {
      guard member.key.count == key.utf8CodeUnitCount else { return false }
      for (i, byte) in UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount).enumerated()
      where text[member.key.lowerBound + i] != byte {
        return false
      }
      return true
    }
    var plain: [UInt8] = []
    return ObjectScanner.unescape(UnsafeRawBufferPointer(rebasing: text[member.key]), into: &plain)
      && plain.elementsEqual(UnsafeBufferPointer(start: key.utf8Start, count: key.utf8CodeUnitCount))
  }

  /// Reads the number that the text of a member is.
  private func number<Number>(
    _ member: Int, _ text: UnsafeRawBufferPointer, _ read: (UnsafeBufferPointer<UInt8>) -> Number?
  ) -> Number? {
    let word = UnsafeRawBufferPointer(rebasing: text[scanner.members[member].value])
    guard scanner.members[member].valueHasEscapes else { return read(word.assumingMemoryBound(to: UInt8.self)) }
    var plain: [UInt8] = []
    return ObjectScanner.unescape(word, into: &plain) ? plain.withUnsafeBufferPointer(read) : nil
  }

  /// The object's text but for its two numbers; `nil` when a part is too long to be hashed.
  private func shape(
    _ base: UnsafePointer<UInt8>, _ span: Range<Int>, value: Range<Int>, timestamp: Range<Int>
  ) -> TextCache.Shape? {
    let valueFirst = value.lowerBound < timestamp.lowerBound
    let (first, second) = valueFirst ? (value, timestamp) : (timestamp, value)
    let prefix = first.lowerBound - span.lowerBound
    let middle = second.lowerBound - first.upperBound
    let suffix = span.upperBound - second.upperBound
    guard max(prefix, middle, suffix) <= KeyedHash.lengthMax else { return nil }
    var sum = KeyedHash.Value()
    hash.add(base + span.lowerBound, count: prefix, region: 0, to: &sum)
    hash.add(base + first.upperBound, count: middle, region: 1, to: &sum)
    hash.add(base + second.upperBound, count: suffix, region: 2, to: &sum)
    return TextCache.Shape(
      hash: sum, prefix: UInt16(prefix), middle: UInt16(middle), suffix: UInt16(suffix), valueFirst: valueFirst)
  }

  /// The series of the object scanned last; `nil` when the sink refuses it.
  private mutating func series(
    _ text: UnsafeRawBufferPointer, except valueMember: Int, _ timestampMember: Int, _ record: inout DecodedRecord
  ) throws(SampleRejection) -> SeriesToken? {
    labels.removeAll()
    for (i, member) in scanner.members.enumerated()
    where i != valueMember && i != timestampMember && member.kind != .null {
      try labels.append(member, of: text)
    }
    let sink = sink
    let outcome = try labels.withLabels { labels in
      Result { () throws(SeriesRefusal) in try sink.series(labels) }
    }
    switch outcome {
    case .success(let token): return token
    case .failure(let refusal):
      sink.refuse(refusal)
      record.refused += 1
      return nil
    }
  }

  private func reject(
    _ reason: SampleRejection, _ text: UnsafeRawBufferPointer, _ span: Range<Int>, _ record: inout DecodedRecord
  ) {
    record.rejected += 1
    sink.reject(reason, text: UnsafeRawBufferPointer(rebasing: text[span]), byte: span.lowerBound)
  }

  // MARK: Handing over

  /// Hands the batch to the sink. Samples whose series has just left the buffer are decoded again, which enters it anew.
  private mutating func flush(_ text: UnsafeRawBufferPointer, _ record: inout DecodedRecord) {
    while batch.count > 0 {
      stale.removeAll(keepingCapacity: true)
      sink.append(batch, stale: &stale)
      let positions = stale.map { Int(batch.positions[$0]) }
      batch.removeAll()
      guard let base = text.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
      for position in positions {
        record.samples -= 1
        _ = try? decodeObject(text, base, position, &record, isRetry: true)
      }
    }
  }
}
