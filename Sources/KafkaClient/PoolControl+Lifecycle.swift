internal import Synchronization

/// Clients that die and are made anew, and the end of it all.
extension PoolControl {
  /// Takes the workers off a dead client. The next one is made when they are off and a while has passed.
  mutating func retireReader() {
    guard let dead = reader else { return }
    reader = nil
    readerLife += 1
    metadataIsAsked = false
    probesOpen = 0
    nudgesOpen = 0
    detachedWorkers = 0
    view.recreations += 1
    reopenReaderAt = now + pause(view.recreations)
    for worker in workers { worker.post(.detach) }
    for name in holdings.keys {
      holdings[name]?.phase = .locating
      holdings[name]?.ticket += 1
      holdings[name]?.isAsked = false
    }
    topics.removeAll()
    shared.published.withLock { $0.client = nil }
    view.client = nil
    dead.refuseLeases()
    graveyard.append(dead)
  }

  mutating func retireMember() {
    guard let dead = member else { return }
    member = nil
    memberLife += 1
    view.recreations += 1
    revokedAt = now
    reopenMemberAt = now + pause(view.recreations)
    _ = NativeThread(named: "kafka-close") { dead.close(committing: [:]) }
  }

  mutating func reopenClients() {
    if let at = reopenReaderAt, now >= at, detachedWorkers == workers.count {
      bury()
      do throws(SettingsError) {
        let client = try clients.makeReader(life: readerLife)
        reader = client
        reopenReaderAt = nil
        for worker in workers { worker.post(.attach(client)) }
        nextMetadata = now
        ledger.clear(.fatal)
      } catch {
        // The settings were good once: a file may have gone, or memory.
        ledger.raise(.fatal, at: Clock.milliseconds, error.description)
        reopenReaderAt = now + 5 * PoolControl.second
      }
    }
    if let at = reopenMemberAt, now >= at {
      do throws(SettingsError) {
        member = try clients.makeMember(life: memberLife)
        reopenMemberAt = nil
        ledger.clear(.fatal)
        waitForGroup()
      } catch {
        ledger.raise(.fatal, at: Clock.milliseconds, error.description)
        reopenMemberAt = now + 5 * PoolControl.second
      }
    }
  }

  /// One second, doubled each time, at most a minute.
  private func pause(_ times: Int) -> Int64 { min(1 << Int64(min(times, 6)), 60) * PoolControl.second / 2 }

  /// Destroys dead clients that no worker holds on to any more, on threads that nobody waits for: in librdkafka 2.0.2
  /// this can hang.
  private mutating func bury() {
    for client in graveyard { _ = NativeThread(named: "kafka-close") { client.close() } }
    graveyard.removeAll()
  }

  /// Workers first, so that positions stand still; then the group is left and told of them; the clients last. Each step
  /// is bounded by the caller's deadline. What takes longer is abandoned with its thread.
  mutating func shutDown() {
    let deadline = stopBy ?? Deadline(in: .seconds(5))
    reader?.refuseLeases()
    let positions = member == nil ? [:] : uncommitted()
    for worker in workers { worker.post(.finish) }
    var isDone = workers.reduce(true) { $1.join(until: deadline) && $0 }
    var closing: [NativeThread] = []
    if let member {
      let last = isDone ? uncommitted() : positions
      closing.append(NativeThread(named: "kafka-close") { member.close(committing: last) })
    }
    topics.removeAll()
    shared.published.withLock { $0.client = nil }
    view.client = nil
    if let reader { graveyard.append(reader) }
    // A client whose queue a worker still holds must not be destroyed under it.
    if isDone {
      closing += graveyard.map { client in NativeThread(named: "kafka-close") { client.close() } }
    }
    isDone = closing.reduce(isDone) { $1.join(until: deadline) && $0 }
    if isDone { shared.noteStopped() }
  }
}
