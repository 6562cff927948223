/// The version that `--version`, `/api/v1/status/buildinfo` and `promring_build_info` tell.
public enum ProgramVersion {
  public static let current = "0.1.0"
}
