import Script

/// Every command, alphabetical: the parser, help and completion read this.
enum CommandCatalog {
  static let all: [any Command.Type] = [
    AddCommand.self,
    AskCommand.self,
    BatchesCommand.self,
    BlameCommand.self,
    BudgetCommand.self,
    CheckCommand.self,
    CollectCommand.self,
    ConnectCommand.self,
    ConnectionsCommand.self,
    ConversationsCommand.self,
    DisconnectCommand.self,
    DoctorCommand.self,
    EditCommand.self,
    ExperimentsCommand.self,
    GenerateCommand.self,
    HelpCommand.self,
    HistoryCommand.self,
    JudgeCommand.self,
    KeepCommand.self,
    KeyCommand.self,
    NextCommand.self,
    PlanCommand.self,
    PreviousCommand.self,
    PriceCommand.self,
    PromptCommand.self,
    PromptsCommand.self,
    QuitCommand.self,
    RateCommand.self,
    RedoCommand.self,
    ResumeCommand.self,
    RowCommand.self,
    RunCommand.self,
    RunsCommand.self,
    SaveCommand.self,
    SetCommand.self,
    SettingsCommand.self,
    SetupCommand.self,
    ShowCommand.self,
    TickCommand.self,
    TryCommand.self,
    UndoCommand.self,
    UnsetCommand.self,
    UntickCommand.self,
    UpgradeCommand.self,
    UsageCommand.self,
    UseCommand.self,
  ]

  static let signatures: [CommandSignature] = all.map { $0.signature }

  static func command(named name: String) -> (any Command.Type)? {
    all.first { $0.signature.name == name }
  }
}
