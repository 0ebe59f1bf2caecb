import Foundation
import Transport

/// What will become of a batch; drawn once when it is made, so that looking changes nothing.
struct BatchFate: Sendable {
  /// From its creation to its end, in seconds.
  let seconds: Double
  /// Whether it runs out of time with half of its questions asked.
  let expires: Bool
  /// What goes wrong with single questions, by their place.
  let faults: [Int: Fault]
}

/// A batch on its way through a service: its questions are answered as time passes.
///
/// Nothing runs in the background. Whoever looks first lets it catch up with the clock.
struct BatchJob: Sendable {
  /// Where it stands.
  enum Phase: Sendable {
    case validating, running, finalizing, finished, failed, expired, cancelling, cancelled

    /// Whether nothing more will happen.
    var isEnd: Bool { [.finished, .failed, .expired, .cancelled].contains(self) }
  }

  /// A question, and what identifies it.
  struct Question: Sendable {
    let key: String
    let body: JSON
  }

  /// How a question was answered: a document of the service's, with its status.
  struct Answered: Sendable {
    let key: String
    let status: Int
    let body: JSON
    var isGood: Bool { status == 200 }
  }

  let id: String
  let created: Date
  let model: String
  let questions: [Question]
  /// What is wrong with the file; such a batch fails whole.
  let problems: [JSON]
  let fate: BatchFate
  /// What the client said of it.
  let about: JSON.Members
  private(set) var answers: [Answered] = []
  private var cancelled: Date?
  /// The files that hold the results, once there are some.
  var goodFile: String?
  var badFile: String?

  init(
    id: String, created: Date, model: String, questions: [Question], problems: [JSON],
    fate: BatchFate, about: JSON.Members
  ) {
    self.id = id
    self.created = created
    self.model = model
    self.questions = questions
    self.problems = problems
    self.fate = fate
    self.about = about
  }

  /// The moment after a share of the time it takes.
  func moment(_ share: Double) -> Date { created.addingTimeInterval(fate.seconds * share) }

  /// When it was asked to stop.
  var cancelledAt: Date? { cancelled }

  /// When it came to its end, if it has.
  func ended(_ now: Date) -> Date? {
    guard phase(now).isEnd else { return nil }
    if let cancelled { return cancelled.addingTimeInterval(fate.seconds / 10) }
    return moment(problems.isEmpty ? 1 : 0.1)
  }

  /// Where it stands.
  func phase(_ now: Date) -> Phase {
    if let cancelled {
      return now < cancelled.addingTimeInterval(fate.seconds / 10) ? .cancelling : .cancelled
    }
    if now < moment(0.1) { return .validating }
    guard problems.isEmpty else { return .failed }
    if now < moment(0.9) { return .running }
    if now < moment(1) { return .finalizing }
    return fate.expires ? .expired : .finished
  }

  /// Asks it to stop.
  ///
  /// - Returns: `false` when it has ended already.
  mutating func cancel(_ now: Date) -> Bool {
    guard !phase(now).isEnd else { return false }
    cancelled = cancelled ?? now
    return true
  }

  /// Answers what is due.
  mutating func catchUp(_ now: Date, answer: (Question, Fault?) -> Answered) {
    guard problems.isEmpty else { return }
    let until = min(now, cancelled ?? now)
    var share = 1.0
    if until < moment(0.9) {
      share = max(0, until.timeIntervalSince(moment(0.1)) / (fate.seconds * 0.8))
    }
    let most = fate.expires ? questions.count / 2 : questions.count
    let due = min(most, Int(Double(most) * share))
    while answers.count < due {
      let place = answers.count
      answers.append(answer(questions[place], fate.faults[place]))
    }
  }

  /// The answers in an order that is not that of the questions, as services give them.
  var shuffled: [Answered] {
    var random = SplitMix(state: UInt64(questions.count))
    return answers.shuffled(using: &random)
  }

  /// The questions that were not answered.
  var unanswered: ArraySlice<Question> { questions.dropFirst(answers.count) }
}
