import HTTPServer

/// What is wrong with how a request's parameters are read, if anything. The first line is the target, what follows is the
/// body of a form. Any bytes are refused, or give parameters that are the same when they are encoded anew; and every
/// parameter has a meaning within bounds or is refused whatever it is called.
func problemOfRequest(_ input: [UInt8]) -> String? {
  let lines = input.split(separator: UInt8(ascii: "\n"), maxSplits: 1, omittingEmptySubsequences: false)
  let body = lines.count > 1 ? Array(lines[1]) : []
  let type: HeaderFields = ["Content-Type": "application/x-www-form-urlencoded; charset=utf-8"]
  let target = String(decoding: lines[0], as: UTF8.self)
  guard let request = try? Request(method: "POST", target: target, headers: type, body: body) else { return nil }

  let all = request.form.items
  if all.count < request.query.items.count { return "the parameters of the URL are lost" }
  let encoded = all.map { "\(percentEncoded($0.name))=\(percentEncoded($0.value))" }.joined(separator: "&")
  guard let again = try? Request(target: "/x?\(encoded)") else { return "does not read back: \(encoded)" }
  guard again.path == "/x",
    again.query.items.elementsEqual(all, by: { same($0.name, $1.name) && same($0.value, $1.value) })
  else { return "reads back as \(again.query.items)" }
  for (name, value) in all {
    let values = all.filter { same($0.name, name) }.map(\.value)
    guard request.form.all(name).elementsEqual(values, by: same) else { return "\(name) is \(request.form.all(name))" }
    if !same(request.form.first(name) ?? "", values[0]) { return "the first \(name) is not the first" }
    if let problem = problemOfValue(value) { return problem }
  }
  _ = try? request.form.selectors()
  _ = try? ListenAddress(parsing: target)
  return nil
}

private func problemOfValue(_ value: String) -> String? {
  let one = Parameters([("x", value)])
  if let time = try? one.time("x"), abs(time) > Parameters.timeMax { return "\(value) is at \(time)" }
  if let duration = try? one.duration("x"), duration != (try? one.duration("x")) { return "\(value) varies" }
  if let limit = try? one.limit("x"), limit < 0 { return "\(value) limits to \(limit)" }
  _ = try? one.flag("x")
  return nil
}

private func same(_ a: String, _ b: String) -> Bool { a.utf8.elementsEqual(b.utf8) }

/// Every byte by its number.
private func percentEncoded(_ text: String) -> String {
  let digits = Array("0123456789abcdef")
  return String(text.utf8.flatMap { ["%", digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
}
