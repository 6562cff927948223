/// The table of all settings for people, in Markdown: `docs/reference/options.md` holds a copy that a test keeps equal.
public enum SettingsReference {
  public static var markdown: String {
    var table = "| option | key in the YAML file | default | meaning |\n| --- | --- | --- | --- |\n"
    for setting in Setting.all {
      let option = setting.isFlag ? "\(setting.option)`, `--no-\(setting.name)" : setting.option
      let key = setting.yamlKey.isEmpty ? "" : "`\(setting.yamlKey)`"
      let standard = setting.defaultText.isEmpty ? "" : "`\(setting.defaultText)`"
      table += "| `\(option)` | \(key) | \(standard) | \(setting.help.replacing("|", with: "\\|")) |\n"
    }
    return table
  }
}
