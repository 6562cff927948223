/// A configuration and where its values came from.
public struct LoadedConfiguration: Sendable {
  public let configuration: ServeConfiguration
  let origins: [String: Origin]

  /// Settings that somebody gave, in the order of the table: YAML key, value as it may be shown, and its origin.
  public var given: [(key: String, value: String, origin: Origin)] {
    Setting.all.flatMap { setting -> [(key: String, value: String, origin: Origin)] in
      let parts = setting.shown(in: configuration).parts(of: setting.yamlKey.isEmpty ? setting.path : setting.yamlKey)
      return parts.compactMap { part in
        let key = part.name.map { ConfigurationBuilder.originKey(setting, $0) } ?? setting.path
        return origins[key].map { (part.key, part.value, $0) }
      }
    }
  }
}
