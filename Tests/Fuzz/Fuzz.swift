internal import Glibc

/// What libFuzzer, which brings `main` along, calls for each input: `Tests/Fuzz/run` builds and starts it. The target comes
/// in the environment, because libFuzzer starts itself anew with arguments of its own.
///
/// A problem ends the process, which is how libFuzzer learns of it and keeps the input.
@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  if let problem = target.problem(Array(UnsafeBufferPointer(start: bytes, count: count))) {
    fatalError("\(target): \(problem)")
  }
  return 0
}

private let target: FuzzTarget = {
  let name = getenv("PROMRING_FUZZ_TARGET").map { String(cString: $0) } ?? ""
  guard let target = FuzzTarget(rawValue: name) else {
    let names = FuzzTarget.allCases.map(\.rawValue).joined(separator: ", ")
    fatalError("PROMRING_FUZZ_TARGET is \(name), not one of \(names)")
  }
  return target
}()
