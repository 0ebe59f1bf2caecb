import Synchronization

/// Named values in their order.
///
/// The values stand in one block of memory behind their names, which records of one origin share: a
/// hundred thousand rows of a list hold their names once.
///
/// Unchecked, since a managed buffer never is `Sendable`: nothing changes one that is shared.
public struct Record: @unchecked Sendable {
  private var storage: RecordStorage

  /// Creates a record; of two fields with one name the last counts.
  public init(_ fields: [(String, Value)]) {
    var values = fields.makeIterator()
    storage = RecordStorage.make(RecordNames(fields.map(\.0))) { values.next()?.1 ?? .nothing }
  }

  /// Takes a value for each name, one after the other.
  init(_ names: RecordNames, next: () throws(ScriptError) -> Value) throws(ScriptError) {
    storage = try RecordStorage.make(names, next: next)
  }

  /// The names and values.
  public var fields: [(name: String, value: Value)] {
    (0..<count).map { (names.all[$0], self[$0]) }
  }

  /// The values in the order of their names.
  var values: some Sequence<Value> { (0..<count).lazy.map { self[$0] } }

  /// Where it stands in memory, as long as it is held.
  var address: UnsafeRawPointer { UnsafeRawPointer(Unmanaged.passUnretained(storage).toOpaque()) }

  /// How many fields there are.
  public var count: Int { storage.names.all.count }

  var names: RecordNames { storage.names }

  /// That of its names.
  var identity: UInt64 {
    @inline(__always) get { storage.identity }
  }

  /// The value at a place.
  subscript(place: Int) -> Value {
    storage.withUnsafeMutablePointerToElements { $0[place] }
  }

  /// The value of a name; setting one that is new appends it.
  public subscript(name: String) -> Value? {
    get { names.place(of: name).map { self[$0] } }
    set {
      guard let newValue else {
        let kept = fields.filter { $0.name != name }
        return self = Record(kept.map { ($0.name, $0.value) })
      }
      if let place = names.place(of: name) {
        set(place, newValue)
      } else {
        self = Record(fields.map { ($0.name, $0.value) } + [(name, newValue)])
      }
    }
  }

  /// Whether one of its values is a list or a record.
  var holdsOthers: Bool {
    storage.withUnsafeMutablePointers { names, values in
      for place in 0..<names.pointee.all.count {
        switch values[place] {
        case .list, .record: return true
        default: continue
        }
      }
      return false
    }
  }

  /// Changes a value in place where nobody else holds the record.
  mutating func set(_ place: Int, _ value: Value) {
    if !isKnownUniquelyReferenced(&storage) { storage = storage.copied() }
    storage.withUnsafeMutablePointerToElements { $0[place] = value }
  }

  // A field of what a variable holds is most of the work of a loop over records, and counting the
  // reference to the record would be most of the work of it; so the two below read the reference
  // from where the variable's payload begins.

  /// Where the field of the record in a variable stands, until the variable is changed; `nil` for
  /// any other value, and where the guess of the place does not hold.
  @inline(__always)
  static func place(
    in variable: UnsafePointer<Value>, _ guess: borrowing PlaceGuess
  ) -> UnsafePointer<Value>? {
    guard case .record = variable.pointee else { return nil }
    let storage = UnsafeRawPointer(variable).load(as: Unmanaged<RecordStorage>.self)
    return storage._withUnsafeGuaranteedRef { storage in
      guard let place = guess.place(storage.identity) else { return nil }
      return storage.withUnsafeMutablePointerToElements { UnsafePointer($0 + place) }
    }
  }

  /// Changes a field of the record in a variable, in place where nobody else holds the record.
  ///
  /// - Returns: Whether it was done: not for another value, or where the guess does not hold.
  @inline(__always)
  static func set(
    in variable: UnsafeMutablePointer<Value>, _ guess: borrowing PlaceGuess, _ value: Value
  ) -> Bool {
    guard case .record = variable.pointee else { return false }
    let storage = UnsafeMutableRawPointer(variable).assumingMemoryBound(to: RecordStorage.self)
    guard let place = guess.place(storage.pointee.identity) else { return false }
    if !isKnownUniquelyReferenced(&storage.pointee) { storage.pointee = storage.pointee.copied() }
    storage.pointee.withUnsafeMutablePointerToElements { $0[place] = value }
    return true
  }
}

/// The names of a record's fields.
final class RecordNames: Sendable {
  let all: [String]
  /// Tells these names from all others; see ``PlaceGuess``.
  let identity = PlaceGuess.newIdentity()

  init(_ all: [String]) { self.all = all }

  /// Where a name stands.
  func place(of name: String) -> Int? { all.lastIndex(of: name) }
}

/// The names and, behind them in the same block, a value for each.
private final class RecordStorage: ManagedBuffer<RecordNames, Value> {
  var names: RecordNames { withUnsafeMutablePointerToHeader { $0.pointee } }

  var identity: UInt64 {
    @inline(__always) get { withUnsafeMutablePointerToHeader { $0.pointee.identity } }
  }

  static func make<Failure>(
    _ names: RecordNames, next: () throws(Failure) -> Value
  ) throws(Failure) -> RecordStorage {
    let count = names.all.count
    let buffer = RecordStorage.create(minimumCapacity: count) { _ in names }
    let storage = unsafeDowncast(buffer, to: RecordStorage.self)
    let values = storage.withUnsafeMutablePointerToElements { $0 }
    var made = 0
    do throws(Failure) {
      while made < count {
        (values + made).initialize(to: try next())
        made += 1
      }
    } catch {
      // The deinitializer counts on all of them.
      while made < count {
        (values + made).initialize(to: .nothing)
        made += 1
      }
      throw error
    }
    return storage
  }

  func copied() -> RecordStorage {
    let names = names
    let count = names.all.count
    let buffer = RecordStorage.create(minimumCapacity: count) { _ in names }
    let storage = unsafeDowncast(buffer, to: RecordStorage.self)
    // One by one: the library's own way looks each kind of value up again.
    withUnsafeMutablePointerToElements { from in
      storage.withUnsafeMutablePointerToElements { to in
        for place in 0..<count { (to + place).initialize(to: from[place]) }
      }
    }
    return storage
  }

  deinit {
    withUnsafeMutablePointers { header, values in
      for place in 0..<header.pointee.all.count {
        if case .number = values[place] { continue }
        (values + place).deinitialize(count: 1)
      }
    }
  }
}

/// Where a field was last, for which names: a guess that is checked before it is used.
///
/// Both are in one word, so that threads may disagree about it. Names are told apart by numbers that
/// are never given twice, not by address: another object may come to stand there.
struct PlaceGuess: ~Copyable, Sendable {
  private static let next = Atomic<UInt64>(1)

  /// A number for names that are new.
  static func newIdentity() -> UInt64 { next.wrappingAdd(1, ordering: .relaxed).newValue }

  private let word = Atomic<UInt64>(0)

  /// The place among the names of that identity, if it was looked for there last.
  @inline(__always)
  func place(_ identity: UInt64) -> Int? {
    let word = word.load(ordering: .relaxed)
    return word >> 16 == identity ? Int(word & 0xFFFF) : nil
  }

  func remember(_ place: Int, _ identity: UInt64) {
    if place <= 0xFFFF { word.store(identity << 16 | UInt64(place), ordering: .relaxed) }
  }
}
