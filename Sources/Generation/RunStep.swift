import Store

/// What a row of a run needs next; decided by its journal entry alone.
enum RunStep: Equatable {
  /// Ask the engine.
  case ask
  /// Write the answer that is kept.
  case write
  /// Look whether the write happened, and finish it.
  case check
  /// Nothing.
  case done

  /// The next step of a row.
  ///
  /// A failed row goes on from what it has: an answer that is paid for is not asked for again.
  init(for item: ItemRecord) {
    switch item.state {
    case .planned: self = .ask
    case .answered: self = .write
    case .writing: self = .check
    // A batch has its question: there is nothing to do until the answers are taken in.
    case .sent, .written, .conflict, .undone: self = .done
    case .failed: self = item.answer == nil ? .ask : item.old == nil ? .write : .check
    }
  }
}
