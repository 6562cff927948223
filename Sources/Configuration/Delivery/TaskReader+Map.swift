extension TaskReader {
  /// A map of a task. Each key is asked for; what nobody has asked for at the end is unknown.
  final class Map {
    private let whole: Place
    private let reader: TaskReader
    private let entries: [ConfigurationNode.Entry]
    private var asked: Set<String> = []

    init(_ place: Place, _ reader: TaskReader) throws(ConfigurationError) {
      guard case .map(let entries) = place.node.content else {
        throw reader.refuse(place, "expected a map, found \(place.node.kindName)")
      }
      whole = place
      self.reader = reader
      self.entries = entries
    }

    var names: [String] { entries.map(\.key) }

    private func key(_ name: String) -> String { whole.key.isEmpty ? name : "\(whole.key).\(name)" }

    /// Where a value stands; where it ought to be when it is not there.
    func place(of name: String) -> Place {
      Place(node: entries.first { $0.key == name }?.value ?? whole.node, key: key(name))
    }

    private func find(_ name: String) -> Place? {
      asked.insert(name)
      guard let entry = entries.first(where: { $0.key == name }) else { return nil }
      if case .absent = entry.value.content { return nil }
      return Place(node: entry.value, key: key(name))
    }

    /// Refuses keys that mean nothing.
    func finish() throws(ConfigurationError) {
      guard let entry = entries.first(where: { !asked.contains($0.key) }) else { return }
      let near = Suggestion.text(for: entry.key, among: asked.sorted())
      let place = ConfigurationNode(.absent, line: entry.line, column: entry.column)
      throw reader.refuse(Place(node: place, key: whole.key), "unknown key \(entry.key.quoted)\(near)")
    }

    func text(_ name: String) throws(ConfigurationError) -> String? {
      guard let place = find(name) else { return nil }
      return try reader.text(place)
    }

    func flag(_ name: String) throws(ConfigurationError) -> Bool? {
      guard let text = try text(name) else { return nil }
      guard let flag = ConfigurationBuilder.flags[text.lowercased()] else {
        throw reader.refuse(place(of: name), "\(text.quoted) is neither true nor false")
      }
      return flag
    }

    func count(_ name: String, _ allowed: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
      guard let text = try text(name) else { return nil }
      guard let number = Int(decimal: text), allowed.contains(number) else {
        throw reader.refuse(
          place(of: name), "\(text.quoted) is no whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
      }
      return number
    }

    func size(_ name: String, _ allowed: ClosedRange<Int>) throws(ConfigurationError) -> Int? {
      guard let text = try text(name) else { return nil }
      guard let bytes = ByteSize.parse(text), allowed.contains(bytes) else {
        let (least, most) = (ByteSize.string(allowed.lowerBound), ByteSize.string(allowed.upperBound))
        throw reader.refuse(place(of: name), "\(text.quoted) is no size from \(least) to \(most)")
      }
      return bytes
    }

    func duration(_ name: String, _ allowed: ClosedRange<Duration>) throws(ConfigurationError) -> Duration? {
      guard let text = try text(name) else { return nil }
      guard let duration = DurationText.parse(text), allowed.contains(duration) else {
        let (least, most) = (DurationText.string(allowed.lowerBound), DurationText.string(allowed.upperBound))
        throw reader.refuse(place(of: name), "\(text.quoted) is no duration from \(least) to \(most)")
      }
      return duration
    }

    func choice<Word: RawRepresentable<String> & CaseIterable>(
      _ name: String, _: Word.Type
    ) throws(ConfigurationError) -> Word? {
      guard let text = try text(name) else { return nil }
      if let word = Word(rawValue: text) { return word }
      let words = Word.allCases.map(\.rawValue)
      throw reader.refuse(
        place(of: name),
        "\(text.quoted) is none of \(words.joined(separator: ", "))\(Suggestion.text(for: text, among: words))")
    }

    func map(_ name: String) throws(ConfigurationError) -> Map? {
      guard let place = find(name) else { return nil }
      return try Map(place, reader)
    }

    func list(_ name: String) throws(ConfigurationError) -> [Place] {
      guard let place = find(name) else { return [] }
      guard case .list(let nodes) = place.node.content else {
        throw reader.refuse(place, "expected a list, found \(place.node.kindName)")
      }
      return nodes.map { Place(node: $0, key: place.key) }
    }

    /// Lines, given as a list of them or as one text.
    func lines(_ name: String) throws(ConfigurationError) -> [(place: Place, text: String)] {
      guard let place = find(name) else { return [] }
      guard case .list(let nodes) = place.node.content else { return [(place, try reader.text(place))] }
      var lines: [(place: Place, text: String)] = []
      for node in nodes {
        let place = Place(node: node, key: place.key)
        lines.append((place, try reader.text(place)))
      }
      return lines
    }

    /// A path of a file that somebody else reads.
    func path(_ name: String) throws(ConfigurationError) -> String? {
      guard let path = try text(name), !path.isEmpty else { return nil }
      guard reader.readFile != nil else { throw reader.refuseFile(place(of: name)) }
      return reader.beside(path)
    }

    /// `name: text`, or `name_file: path`.
    func secret(_ name: String) throws(ConfigurationError) -> KafkaProperty {
      let text = try text(name)
      guard let path = try self.text("\(name)_file") else { return KafkaProperty(text ?? "") }
      guard text == nil else {
        throw reader.refuse(place(of: "\(name)_file"), "\(name) is given as a text, too")
      }
      return try reader.readSecret(path, place(of: "\(name)_file"))
    }

    /// `name: value`, or `name: {file: path}`.
    func property(_ name: String) throws(ConfigurationError) -> KafkaProperty {
      guard let place = find(name) else {
        throw reader.refuse(self.place(of: name), "has no value; give one or remove the line")
      }
      guard case .map = place.node.content else { return KafkaProperty(try reader.text(place)) }
      let map = try Map(place, reader)
      guard let path = try map.text("file") else {
        throw reader.refuse(place, "expected a value, or {file: path} for one that is kept in a file")
      }
      try map.finish()
      return try reader.readSecret(path, place)
    }
  }
}
