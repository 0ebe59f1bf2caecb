/// A tree written out without its places: two programs that mean the same have the same outline.
///
/// The formatter compares outlines before it moves anything, and so do the tests of it.
package enum TreeOutline {
  /// The outline of a program; `nil` for one that cannot be read.
  package static func text(of source: SourceText, signatures: [CommandSignature]) -> String? {
    let commands = Dictionary(
      signatures.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    let parsed = Parser.parse(source, commands: commands)
    return parsed.diagnostics.isEmpty ? text(parsed.statements) : nil
  }

  static func text(_ statements: [Statement]) -> String {
    var writer = Writer()
    writer.write(statements)
    return writer.text
  }

  private struct Writer {
    var text = ""

    /// `(head part part …)`.
    mutating func group(_ head: String, _ body: (inout Writer) -> Void) {
      text += "(" + head
      body(&self)
      text += ")"
    }

    mutating func word(_ word: String) { text += " " + Value.quoted(word) }

    mutating func write(_ statements: [Statement]) {
      for statement in statements { write(statement) }
    }

    mutating func write(_ block: Block) { group("block") { $0.write(block.statements) } }

    mutating func write(_ value: Expression?) {
      if let value { write(value) } else { text += " -" }
    }

    mutating func write(_ statement: Statement) {
      switch statement.kind {
      case .declare(let name, _, let isVariable, let value):
        group(isVariable ? "var" : "let") {
          $0.word(name)
          $0.write(value)
        }
      case .declareCommand(let name, _, let isVariable, let command):
        group(isVariable ? "var" : "let") {
          $0.word(name)
          $0.write(command)
        }
      case .declareType(let name, _, let shape):
        group("type") {
          $0.word(name)
          $0.write(shape)
        }
      case .assign(let place, let isAddition, let value):
        group(isAddition ? "+=" : "=") {
          $0.word(place.name)
          for step in place.steps {
            switch step {
            case .field(let name, _): $0.word("." + name)
            case .index(let index): $0.write(index)
            }
          }
          $0.write(value)
        }
      case .function(let function):
        group("fn") {
          $0.word(function.name)
          for parameter in function.parameters {
            $0.word(parameter.name)
            $0.write(parameter.shape)
            $0.write(parameter.defaultValue)
          }
          $0.write(function.body)
        }
      case .parameter(let parameter):
        group("param") {
          $0.word(parameter.name)
          $0.write(parameter.shape)
          $0.write(parameter.defaultValue)
        }
      case .include(let path, _, let name):
        group("include") {
          $0.word(path)
          $0.word(name ?? "")
        }
      case .every(let interval, let body):
        group("every") {
          $0.write(interval)
          $0.write(body)
        }
      case .giveBack(let value): group("return") { $0.write(value) }
      case .command(let command): write(command)
      case .builtin(let builtin, let value): group(builtin.rawValue) { $0.write(value) }
      case .expression(let value): write(value)
      }
    }

    mutating func write(_ command: CommandSyntax) {
      group("command") { writer in
        writer.word(command.signature.name)
        for filled in command.slots {
          writer.group(filled.slot.name) {
            switch filled.filling {
            case .expression(let value): $0.write(value)
            case .namedPrompt(let value): $0.group("prompt") { $0.write(value) }
            case .expressions(let values): for value in values { $0.write(value) }
            case .names(let names): for name in names { $0.word(name.name) }
            case .word(let word): $0.word(word)
            case .target(let value, let limit, let isSample):
              $0.write(value)
              $0.write(limit)
              $0.text += isSample ? " sample" : ""
            case .shape(let shape): $0.write(shape)
            case .fields(let fields):
              for field in fields {
                $0.word(field.name)
                $0.write(field.value)
              }
            case .flag: break
            }
          }
        }
      }
    }

    mutating func write(_ shape: ShapeSyntax?) {
      switch shape {
      case nil: text += " -"
      case .text: text += " text"
      case .number(let minimum, let maximum):
        group("number") {
          $0.text += " \(minimum.map(Value.digits) ?? "-") \(maximum.map(Value.digits) ?? "-")"
        }
      case .flag: text += " flag"
      case .date: text += " date"
      case .list(let item): group("list") { $0.write(item) }
      case .option(let names): group("one") { for name in names { $0.word(name) } }
      case .optionOf(let value): group("one") { $0.write(value) }
      case .record(let fields):
        group("record") {
          for field in fields {
            $0.word(field.name)
            $0.write(field.shape)
          }
        }
      case .named(let name, _): word(name)
      }
    }

    mutating func write(_ value: Expression) {
      switch value.kind {
      case .nothing: text += " nothing"
      case .flag(let flag): text += " \(flag)"
      case .number(let number): text += " \(number)"
      case .duration(let duration): text += " \(duration.seconds)s"
      case .date(let date): text += " \(date.start)"
      case .text(let pieces):
        group("text") {
          for piece in pieces {
            switch piece {
            case .words(let words): $0.word(words)
            case .hole(let value, _, let allowsNothing):
              $0.text += allowsNothing ? " ?" : ""
              $0.write(value)
            }
          }
        }
      case .name(let name): group("name") { $0.word(name) }
      case .it: text += " it"
      case .list(let items): group("list") { for item in items { $0.write(item) } }
      case .record(let fields):
        group("record") {
          for field in fields {
            $0.word(field.name)
            $0.write(field.value)
          }
        }
      case .query(let query): write(query)
      case .field(let base, let name, _):
        group(".") {
          $0.write(base)
          $0.word(name)
        }
      case .index(let base, let index):
        group("[]") {
          $0.write(base)
          $0.write(index)
        }
      case .call(let name, _, let arguments):
        group("call") {
          $0.word(name)
          for argument in arguments {
            $0.text += argument.name.map { " \(Value.quoted($0)):" } ?? ""
            $0.write(argument.value)
          }
        }
      case .binary(let operation, let left, let right):
        group(operation.rawValue) {
          $0.write(left)
          $0.write(right)
        }
      case .not(let inner): group("not") { $0.write(inner) }
      case .negate(let inner): group("negate") { $0.write(inner) }
      case .isEmpty(let inner, let isNegated):
        group(isNegated ? "filled" : "empty") { $0.write(inner) }
      case .hasChanged(let inner, let change, let isNegated):
        group((isNegated ? "not " : "") + change.rawValue) { $0.write(inner) }
      case .conditional(let condition, let then, let otherwise):
        group("if") {
          $0.write(condition)
          $0.write(then)
          if let otherwise { $0.write(otherwise) }
        }
      case .loop(let loop):
        group("for") {
          $0.word(loop.variable)
          $0.write(loop.sequence)
          $0.write(loop.width)
          $0.text += loop.continuesOnError ? " continue" : ""
          $0.write(loop.body)
        }
      case .ai(let prompt, let shape, let engine):
        group("ai") {
          switch prompt {
          case .words(let words): $0.write(words)
          case .kept(let name, let row):
            $0.group("prompt") {
              $0.write(name)
              $0.write(row)
            }
          }
          $0.write(shape)
          $0.write(engine)
        }
      case .problemCatch(let value, let other):
        group("catch") {
          $0.write(value)
          $0.write(other)
        }
      case .retry(let count, let block):
        group("retry") {
          $0.write(count)
          $0.write(block)
        }
      case .block(let block): group("do") { $0.write(block) }
      }
    }

    /// The clauses in the order in which they work, wherever they stood.
    mutating func write(_ query: QuerySyntax) {
      group("rows") {
        if case .named(let name) = query.source { $0.write(name) }
        if let condition = query.condition { $0.group("where") { $0.write(condition) } }
        for sort in query.sorts {
          $0.group(sort.isAscending ? "asc" : "desc") { $0.write(sort.key) }
        }
        switch query.take {
        case .first(let count)?: $0.group("first") { $0.write(count) }
        case .last(let count)?: $0.group("last") { $0.write(count) }
        case .sample(let count)?: $0.group("sample") { $0.write(count) }
        case nil: break
        }
        for pick in query.pick { $0.word(pick.name) }
      }
    }
  }
}
