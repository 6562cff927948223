internal import ArgumentParser

struct CompletionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion",
    abstract: "Print a script that completes promring's commands and options in a shell.",
    discussion: """
      EXAMPLES:
        promring completion bash > /etc/bash_completion.d/promring
        promring completion zsh > "${fpath[1]}/_promring"
        promring completion fish > ~/.config/fish/completions/promring.fish
      """)

  enum Shell: String, ExpressibleByArgument, CaseIterable { case bash, zsh, fish }

  @Argument(help: "The shell.")
  var shell: Shell

  func run() throws {
    let shell: CompletionShell =
      switch shell {
      case .bash: .bash
      case .zsh: .zsh
      case .fish: .fish
      }
    print(Promring.completionScript(for: shell))
  }
}
