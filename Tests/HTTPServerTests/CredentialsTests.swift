import Testing

@testable import HTTPServer

/// What requests say of who makes them, and what is kept of passwords.
struct CredentialsTests {
  private static func credentials(_ values: String...) -> Credentials {
    var headers = HeaderFields()
    for value in values { headers.add("authorization", value) }
    return Credentials(headers)
  }

  @Test func `names and passwords are read`() {
    #expect(Credentials([:]) == .none)
    #expect(
      Self.credentials("Basic YWxpY2U6c2U6Y3JldA==")
        == .basic(user: Array("alice".utf8), password: Array("se:cret".utf8)))
    #expect(Self.credentials("bAsIc   Og==") == .basic(user: [], password: []))
    #expect(Self.credentials("Bearer abc.def") == .bearer(token: Array("abc.def".utf8)))
  }

  @Test(arguments: [
    "", "Basic", "Basic ", "Basic !!!!", "Basic YWxpY2U", "Basic YWxpY2U=", "Basic YQ=a", "Basic a===", "Basic ====",
    "Digest abc", "YWxpY2U6c2VjcmV0",
  ])
  func `anything else is malformed`(value: String) {
    #expect(Self.credentials(value) == .malformed)
  }

  @Test func `two fields leave doubt`() {
    #expect(Self.credentials("Bearer a", "Bearer a") == .malformed)
  }

  @Test(arguments: [("", ""), ("Zg==", "f"), ("Zm8=", "fo"), ("Zm9v", "foo"), ("Zm9vYmFy", "foobar")])
  func `base64 is that of the RFC`(text: String, meaning: String) {
    #expect(Base64.decode(Array(text.utf8)) == Array(meaning.utf8))
  }

  /// Made by htpasswd (2y), the same under the other name of what it is (2b), and known from crypt_blowfish (2a).
  @Test(arguments: [
    ("$2y$04$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm.", "secret"),
    ("$2b$04$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm.", "secret"),
    ("$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"),
  ])
  func `bcrypt hashes know their password`(text: String, password: String) throws {
    let hash = try #require(PasswordHash(text))
    #expect(hash.matches(Array(password.utf8)))
    #expect(!hash.matches(Array("\(password) ".utf8)))
    #expect(!hash.matches([]))
    // The C library would see the password end here.
    #expect(!hash.matches(Array(password.utf8) + [0] + Array("more".utf8)))
    #expect(!"\(hash)".contains("CCC") && !"\(hash)".contains("e7tu"))
  }

  @Test(arguments: [
    "", "secret", "*0", "$1$abc$def", "$2y$04$short", "$2y$03$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm.",
    "$2y$4$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm.x",
    "$2y$04$e7tuPaDXsNmgI6S53pcFhueZ/i0l2kIThNVTtxVW2VuPyIt3trpm!",
  ])
  func `other texts are no hash`(text: String) {
    #expect(PasswordHash(text) == nil)
  }

  @Test func `a made-up hash costs work and matches nothing`() {
    let dummy = PasswordHash.dummy(cost: 4)
    #expect(!dummy.matches([]) && !dummy.matches(Array("secret".utf8)))
    // It is one that libcrypt works on, or it would be found wrong at once.
    #expect(PasswordHash(dummy.text) != nil)
    let costly = PasswordHash.dummy(cost: 8)
    func time(_ hash: PasswordHash) -> Duration { ContinuousClock().measure { _ = hash.matches([65]) } }
    _ = time(dummy)
    #expect((0..<3).map { _ in time(costly) }.min()! > (0..<3).map { _ in time(dummy) }.min()! * 4)
  }

  @Test func `codes of different parts differ`() {
    let parts: [[[UInt8]]] = [[[97], [98, 99]], [[97, 98], [99]], [[97, 98, 99]], [[], [97, 98, 99]]]
    #expect(Set(parts.map { SecretCode($0) }).count == parts.count)
    #expect(SecretCode([[1], [2]]) == SecretCode([[1], [2]]))
  }

  @Test func `a bucket fills up again over time`() {
    let start = ContinuousClock.now
    var bucket = TokenBucket(interval: .seconds(2), burst: 3, now: start)
    func wait(_ after: Duration) -> Duration? { bucket.wait(now: start + after) }
    for _ in 0..<3 {
      #expect(wait(.zero) == nil)
      bucket.take(now: start)
    }
    #expect(wait(.zero) == .seconds(2))
    #expect(wait(.milliseconds(1500)) == .milliseconds(500))
    #expect(wait(.seconds(2)) == nil)
    let isFull = bucket.isFull(now: start + .seconds(6))
    #expect(isFull)
  }

  @Test func `a bucket without room never has any`() {
    let start = ContinuousClock.now
    var none = TokenBucket(interval: .seconds(1), burst: 0, now: start)
    let wait = none.wait(now: start + .seconds(1000))
    #expect(wait != nil)
  }

  @Test func `addresses beyond the limit cost no memory`() throws {
    let start = ContinuousClock.now
    var throttle = GuessThrottle()
    for i in 0..<(GuessThrottle.addressesMax + 5000) {
      let bytes = (0..<4).map { UInt8(truncatingIfNeeded: i >> (8 * $0)) }
      throttle.countWrong(try #require(RemoteAddress(bytes: bytes)), now: start)
      #expect(throttle.count <= GuessThrottle.addressesMax)
    }
  }

  @Test func `a network of IPv6 is one guesser, an IPv4 address another`() throws {
    func owner(_ bytes: [UInt8]) throws -> RemoteAddress {
      let address = try #require(RemoteAddress(bytes: bytes))
      return address.owner
    }
    let net: [UInt8] = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 1]
    let (one, two) = (net + filled(8, with: 1), net + filled(8, with: 2))
    #expect(try owner(one) == owner(two))
    #expect(try owner([192, 0, 2, 1]) != owner([192, 0, 2, 2]))
  }
}
