import Configuration

/// What is wrong with how the JSON of a delivery task is read, if anything: any bytes are refused with a place, or give a
/// task that is the same when it is written and read, and when a status page's text of it is sent back.
func problemOfTask(_ input: [UInt8]) -> String? {
  let node: ConfigurationNode
  do throws(JSONDocument.Fault) {
    node = try JSONDocument.parse(input)
  } catch {
    let lines = input.count { $0 == UInt8(ascii: "\n") } + 1
    return (1...lines).contains(error.line) && (1...input.count + 1).contains(error.column) ? nil : "\(error)"
  }
  let reader = TaskReader(document: "request")
  if let request = try? reader.dryRun(node), request.limit < 0 { return "a limit of \(request.limit)" }
  guard let task = try? reader.task(node) else { return nil }
  for secrets in [true, false] {
    let text = task.json(secrets: secrets)
    guard let document = try? JSONDocument.parse(Array(text.utf8)), var again = try? reader.task(document) else {
      return "does not read back: \(text)"
    }
    if !secrets, let name = again.keepSecrets(of: task) { return "the secret \(name) is lost: \(text)" }
    if again != task { return "reads back as \(again)" }
    if again.json(secrets: secrets) != text { return "is written as \(text) and as \(again.json(secrets: secrets))" }
  }
  return nil
}
