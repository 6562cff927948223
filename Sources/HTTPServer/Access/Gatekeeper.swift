/// Decides which requests are let in: how many there may be, and who may make them. It sees the head of each request,
/// before anything of the body is kept.
///
/// Somebody who has logged in before costs one HMAC. A password that has not been seen to be right is checked by bcrypt
/// on a pool of its own while the connection is suspended; equal requests wait for one check together. Only right answers
/// are remembered, so wrong ones push nothing out.
///
/// Whoever guesses is slowed down by address: a number of wrong guesses, and then one every two seconds. Further ones
/// are answered 429 without being looked at, even if they are right; an address from which the user has logged in before
/// goes on unhindered.
public final class Gatekeeper: Sendable {
  /// Who may come in. Nobody named means everybody may.
  public struct Accounts: Sendable {
    /// By the bytes of their names.
    public var users: [[UInt8]: PasswordHash] = [:]
    /// Tokens that are as good as a user, with enough chance in them to be beyond guessing.
    public var tokens: [[UInt8]] = []

    public init() {}
  }

  /// A limit for all requests together.
  public struct RateLimit: Sendable, Equatable {
    public var interval: Duration
    public var burst: Int

    public init(interval: Duration, burst: Int) {
      self.interval = interval
      self.burst = burst
    }
  }

  /// Why requests were turned away.
  public enum Refusal: String, Sendable, CaseIterable {
    case noCredentials = "no_credentials"
    case malformedCredentials = "malformed_credentials"
    case unknownUser = "unknown_user"
    case wrongPassword = "wrong_password"
    case wrongToken = "wrong_token"
    /// The address has guessed too often.
    case tooManyGuesses = "too_many_guesses"
    /// Too many passwords wait to be checked.
    case tooManyLogins = "too_many_logins"
    case rateLimit = "rate_limit"
  }

  enum Admission {
    case admitted
    case refused(Response)
    case later(PendingAdmission)
  }

  /// Different passwords of one address that are checked at the same time.
  static let checksPerAddressMax = 4
  /// Addresses remembered of each user, those last used.
  static let addressesPerUserMax = 64

  fileprivate struct User {
    let hash: PasswordHash
    /// Of the name and the password that was right.
    var known: SecretCode?
    var addresses: [RemoteAddress] = []
  }

  fileprivate struct Check {
    var waiting: [(PendingAdmission, RemoteAddress)]
    /// Who is counted as asking for it.
    let address: RemoteAddress
  }

  fileprivate struct State {
    var users: [[UInt8]: User] = [:]
    /// The costs of the users' hashes, in an order of no meaning: an unknown user has one of them.
    var costs: [Int] = []
    var tokens: [SecretCode] = []
    var challenges: [String] = []
    var bucket: TokenBucket?
    var rateLimit: RateLimit?
    var throttle = GuessThrottle()
    var checks: [SecretCode: Check] = [:]
    var checksByAddress: [RemoteAddress: Int] = [:]
    var refusals: [Refusal: Int] = [:]
  }

  private let pool: WorkerPool
  private let now: @Sendable () -> ContinuousClock.Instant
  private let state = Guarded(State())

  /// - Parameters:
  ///   - pool: checks passwords, each of which keeps a thread busy for a tenth of a second or so.
  ///   - now: the clock, for tests.
  public init(pool: WorkerPool, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.pool = pool
    self.now = now
  }

  /// Requests turned away since the start.
  public var refusals: [Refusal: Int] { state.withLock { $0.refusals } }

  /// Whether there are users or tokens.
  public var asksForCredentials: Bool { state.withLock { !$0.challenges.isEmpty } }

  /// Changes who may come in; whoever had logged in and is still there with the same password stays so.
  public func replace(_ accounts: Accounts, rateLimit: RateLimit?) {
    let tokens = accounts.tokens.map { SecretCode([$0]) }
    let now = now()
    state.withLock { state in
      state.users = accounts.users.reduce(into: [:]) { users, account in
        let old = state.users[account.key]
        users[account.key] = old?.hash == account.value ? old : User(hash: account.value)
      }
      state.costs = accounts.users.values.map(\.cost).sorted()
      state.tokens = tokens
      state.challenges =
        (accounts.users.isEmpty ? [] : ["Basic realm=\"promring\", charset=\"UTF-8\""])
        + (tokens.isEmpty ? [] : ["Bearer realm=\"promring\""])
      if state.rateLimit != rateLimit {
        state.rateLimit = rateLimit
        state.bucket = rateLimit.map { TokenBucket(interval: $0.interval, burst: $0.burst, now: now) }
      }
    }
  }

  /// Decides about a request by its head; quick, for I/O threads.
  func admit(_ headers: HeaderFields, from client: RemoteAddress) -> Admission {
    let now = now()
    let (early, challenges) = state.withLock { state -> (Response?, [String]) in
      if let wait = state.bucket?.wait(now: now) {
        state.refusals[.rateLimit, default: 0] += 1
        return (Self.tooMany(wait), [])
      }
      state.bucket?.take(now: now)
      return (nil, state.challenges)
    }
    if let early { return .refused(early) }
    guard !challenges.isEmpty else { return .admitted }
    let address = client.owner
    switch Credentials(headers) {
    case .none: return refuse(.noCredentials)
    case .malformed: return refuse(.malformedCredentials)
    case .bearer(let token):
      let code = SecretCode([token])
      // All of them are looked at, wherever the right one stands.
      let isRight = state.withLock { state in
        state.tokens.reduce(false) { found, token in
          let isSame = token == code
          return found || isSame
        }
      }
      return isRight ? .admitted : refuse(.wrongToken)
    case .basic(let user, let password):
      return admit(user, Array(password.prefix(PasswordHash.passwordBytesMax)), address, now)
    }
  }

  private func admit(
    _ name: [UInt8], _ password: [UInt8], _ address: RemoteAddress, _ now: ContinuousClock.Instant
  ) -> Admission {
    let code = SecretCode([name, password])
    let pending = PendingAdmission()
    enum Step {
      case done(Admission)
      case check(PasswordHash)
    }
    let step = state.withLock { state -> Step in
      let user = state.users[name]
      let isKnown = user?.known == code
      if isKnown, user?.addresses.contains(address) == true { return .done(.admitted) }
      if let wait = state.throttle.wait(address, now: now) {
        return .done(.refused(state.refuse(.tooManyGuesses, after: wait)))
      }
      if isKnown {
        state.remember(address, of: name)
        return .done(.admitted)
      }
      if state.checks[code] != nil {
        state.checks[code]?.waiting.append((pending, address))
        return .done(.later(pending))
      }
      guard !state.costs.isEmpty else { return .done(.refused(state.refuse(.unknownUser))) }
      guard state.checksByAddress[address, default: 0] < Self.checksPerAddressMax else {
        return .done(.refused(state.refuse(.tooManyGuesses, after: .seconds(1))))
      }
      state.checks[code] = Check(waiting: [(pending, address)], address: address)
      state.checksByAddress[address, default: 0] += 1
      // An unknown name always has the same cost, as a known one has, so that time does not tell them apart.
      let cost = state.costs[Int(SecretCode([name]).number % UInt64(state.costs.count))]
      return .check(user?.hash ?? .dummy(cost: cost))
    }
    switch step {
    case .done(let admission): return admission
    case .check(let hash):
      let isTaken = pool.submit(for: address) { self.conclude(code, name, hash, isRight: hash.matches(password)) }
      if !isTaken { turnAway(code) }
      return .later(pending)
    }
  }

  /// A password has been checked.
  private func conclude(_ code: SecretCode, _ name: [UInt8], _ hash: PasswordHash, isRight: Bool) {
    let now = now()
    let (waiting, refusal) = state.withLock { state -> ([(PendingAdmission, RemoteAddress)], Response?) in
      let waiting = state.finish(code)
      if isRight {
        // The accounts may have changed meanwhile.
        if state.users[name]?.hash == hash {
          state.users[name]?.known = code
          for (_, address) in waiting { state.remember(address, of: name) }
        }
        return (waiting, nil)
      }
      for address in Set(waiting.map(\.1)) { state.throttle.countWrong(address, now: now) }
      let reason = state.users[name] == nil ? Refusal.unknownUser : .wrongPassword
      state.refusals[reason, default: 0] += waiting.count
      return (waiting, Self.unauthorized(state.challenges))
    }
    for (pending, _) in waiting { pending.decide(refusal) }
  }

  /// There is no place in the queue for a check.
  private func turnAway(_ code: SecretCode) {
    let (waiting, refusal) = state.withLock { state in
      let waiting = state.finish(code)
      state.refusals[.tooManyLogins, default: 0] += waiting.count
      return (waiting, Self.tooManyLogins)
    }
    for (pending, _) in waiting { pending.decide(refusal) }
  }

  private func refuse(_ reason: Refusal) -> Admission {
    .refused(state.withLock { $0.refuse(reason) })
  }

  // MARK: Answers

  /// The same for whatever was wrong.
  fileprivate static func unauthorized(_ challenges: [String]) -> Response {
    var response = Response.text("Unauthorized\n", status: 401)
    for challenge in challenges { response.headers.add("WWW-Authenticate", challenge) }
    return response
  }

  fileprivate static func tooMany(_ wait: Duration) -> Response {
    var response = Response.text("Too Many Requests\n", status: 429)
    let (seconds, rest) = wait.components
    response.headers["Retry-After"] = "\(max(1, seconds + (rest > 0 ? 1 : 0)))"
    return response
  }

  private static var tooManyLogins: Response {
    var response = Response.text("Too many logins are being checked\n", status: 503)
    response.headers["Retry-After"] = "1"
    return response
  }
}

extension Gatekeeper.State {
  fileprivate mutating func refuse(_ reason: Gatekeeper.Refusal, after wait: Duration? = nil) -> Response {
    refusals[reason, default: 0] += 1
    return wait.map { Gatekeeper.tooMany($0) } ?? Gatekeeper.unauthorized(challenges)
  }

  /// The last ones are kept.
  fileprivate mutating func remember(_ address: RemoteAddress, of name: [UInt8]) {
    guard var addresses = users[name]?.addresses, !addresses.contains(address) else { return }
    if addresses.count >= Gatekeeper.addressesPerUserMax { addresses.removeFirst() }
    users[name]?.addresses = addresses + [address]
  }

  fileprivate mutating func finish(_ code: SecretCode) -> [(PendingAdmission, RemoteAddress)] {
    guard let check = checks.removeValue(forKey: code) else { return [] }
    let others = checksByAddress[check.address, default: 1] - 1
    checksByAddress[check.address] = others == 0 ? nil : others
    return check.waiting
  }
}
