import Configuration
import PromQL
import Testing

@testable import Gateway

@Suite struct QueryOptionsTests {
  @Test(arguments: ServeConfiguration.Query.knownFeatures)
  func `each feature that can be enabled changes how queries run`(name: String) {
    var query = ServeConfiguration.Query()
    let plain = Engine.Options(query)
    query.features = [name]
    let options = Engine.Options(query)
    #expect(options.features != plain.features || options.countsSamplesPerStep != plain.countsSamplesPerStep)
  }

  @Test func `all features of the language can be enabled`() {
    var query = ServeConfiguration.Query()
    query.features = ServeConfiguration.Query.knownFeatures
    #expect(Engine.Options(query).features == .all)
  }

  @Test func `limits are those of the configuration`() {
    var query = ServeConfiguration.Query()
    query.maxSamples = 17
    query.lookbackDelta = .milliseconds(1500)
    let options = Engine.Options(query)
    #expect(options.maxSamples == 17)
    #expect(options.lookbackDelta == 1500)
    #expect(options.threads >= 1)
  }
}
