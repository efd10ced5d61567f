/// Reads what weights need of Python's pickle format, without ever running anything.
///
/// A pickle is a program for a machine with a stack, which may call any function of Python's. Here a call is carried out only
/// if it is one of the few that make tensors and dictionaries; whatever else a file asks for is refused by name. Compound
/// values are numbers of places in ``lists``, so that nesting of any depth costs no stack and cycles keep no memory.
struct Pickle {
  enum Value {
    case none
    case truth(Bool)
    case integer(Int)
    case real(Double)
    case text(String)
    /// A tuple or list: its place in ``lists``.
    case list(Int)
    /// Keys and values in turn: its place in ``lists``.
    case dictionary(Int)
    /// A class or function by its full name.
    case name(String)
    /// Elements of a type in an entry of the archive.
    case storage(key: String, dtype: DType, count: Int)
    indirect case tensor(PyTorchTensor)
  }

  /// What the program leaves on its stack.
  private(set) var result = Value.none
  /// The elements of tuples, lists and dictionaries.
  private(set) var lists: [[Value]] = []

  private var code: PickleCode
  private var stack: [Value] = []
  private var marks: [Int] = []
  private var memo: [Int: Value] = [:]

  /// Runs to the end.
  ///
  /// - Throws: ``PyTorchFileProblem`` saying what the file asks for, or that it is cut off.
  init(_ bytes: [UInt8]) throws {
    code = PickleCode(bytes)
    while true {
      let opcode = try code.byte()
      if opcode == UInt8(ascii: ".") { break }
      try carryOut(opcode)
    }
    result = try pop()
  }

  /// The elements of a tuple or list; nil for other values.
  func elements(of value: Value) -> [Value]? {
    if case .list(let place) = value { lists[place] } else { nil }
  }

  /// The keys and values of a dictionary; nil for other values.
  func pairs(of value: Value) -> [(key: Value, value: Value)]? {
    guard case .dictionary(let place) = value else { return nil }
    let all = lists[place]
    return stride(from: 0, to: all.count, by: 2).map { (all[$0], all[$0 + 1]) }
  }
}

// MARK: - The machine

extension Pickle {
  private mutating func carryOut(_ opcode: UInt8) throws {
    switch Unicode.Scalar(opcode) {
    case "\u{80}":
      guard 2...3 ~= (try code.byte()) else {
        throw PyTorchFileProblem("it is pickled in another protocol than 2 and 3")
      }
    case "N": stack.append(.none)
    case "\u{88}": stack.append(.truth(true))
    case "\u{89}": stack.append(.truth(false))
    case "K": stack.append(.integer(try code.number(1)))
    case "M": stack.append(.integer(try code.number(2)))
    case "J": stack.append(.integer(Int(Int32(truncatingIfNeeded: try code.number(4)))))
    case "\u{8a}": stack.append(.integer(try code.longInteger()))
    case "G": stack.append(.real(try code.real()))
    case "X": stack.append(.text(try code.text(try code.number(4))))
    case "(": marks.append(stack.count)
    case ")": makeList([])
    case "\u{85}": makeList(try popped(1))
    case "\u{86}": makeList(try popped(2))
    case "\u{87}": makeList(try popped(3))
    case "t": makeList(try poppedToMark())
    case "]": makeList([])
    case "}": makeDictionary()
    case "a": try extendList(try popped(1))
    case "e": try extendList(try poppedToMark())
    case "s": try extendDictionary(try popped(2))
    case "u": try extendDictionary(try poppedToMark())
    case "q": memo[try code.number(1)] = try top()
    case "r": memo[try code.number(4)] = try top()
    case "h": stack.append(try remembered(try code.number(1)))
    case "j": stack.append(try remembered(try code.number(4)))
    case "c": stack.append(.name("\(try code.line()).\(try code.line())"))
    case "Q": stack.append(try storage(named: try pop()))
    case "R": try call()
    case "b": try setAttributes()
    default: throw PyTorchFileProblem("it asks for \(PickleCode.name(of: opcode)), which weights have no need of")
    }
  }

  private mutating func makeList(_ elements: [Value]) {
    stack.append(.list(lists.count))
    lists.append(elements)
  }

  private mutating func makeDictionary() {
    stack.append(.dictionary(lists.count))
    lists.append([])
  }

  private mutating func extendList(_ elements: [Value]) throws {
    guard case .list(let place) = try top() else { throw Self.damaged }
    lists[place] += elements
  }

  private mutating func extendDictionary(_ elements: [Value]) throws {
    guard case .dictionary(let place) = try top(), elements.count % 2 == 0 else { throw Self.damaged }
    lists[place] += elements
  }

  /// Objects may be given attributes, as state dictionaries are their versions; nothing here looks at them.
  private mutating func setAttributes() throws {
    _ = try pop()
    guard case .dictionary = try top() else { throw Self.damaged }
  }

  private mutating func call() throws {
    let (arguments, function) = (try pop(), try pop())
    guard let arguments = elements(of: arguments), case .name(let name) = function else { throw Self.damaged }
    switch (name, arguments.count) {
    case ("collections.OrderedDict", 0): makeDictionary()
    case ("torch._utils._rebuild_tensor_v2", 6...7): stack.append(.tensor(try tensor(arguments)))
    case ("torch._utils._rebuild_parameter", 3):
      guard case .tensor = arguments[0] else { throw Self.damaged }
      stack.append(arguments[0])
    default: throw PyTorchFileProblem("it calls \(name.shownInMessage), which weights have no need of")
    }
  }

  /// `(storage, offset, sizes, strides, …)`
  private func tensor(_ arguments: [Value]) throws -> PyTorchTensor {
    guard case .storage(let key, let dtype, let count) = arguments[0], case .integer(let offset) = arguments[1],
      let shape = wholeNumbers(arguments[2]), let strides = wholeNumbers(arguments[3])
    else { throw Self.damaged }
    return try PyTorchTensor(
      key: key, dtype: dtype, storageCount: count, offset: offset, shape: shape, strides: strides)
  }

  /// `('storage', type, key, device, count)`
  private func storage(named value: Value) throws -> Value {
    guard let parts = elements(of: value), parts.count == 5, case .text("storage") = parts[0],
      case .name(let type) = parts[1], case .text(let key) = parts[2], case .integer(let count) = parts[4], count >= 0
    else { throw Self.damaged }
    guard let dtype = PyTorchTensor.storageTypes[type] else {
      throw PyTorchFileProblem("it has elements of type \(type.shownInMessage), which is not among those read here")
    }
    return .storage(key: key, dtype: dtype, count: count)
  }

  private func wholeNumbers(_ value: Value) -> [Int]? {
    let elements = elements(of: value) ?? [.none]
    let numbers = elements.compactMap { if case .integer(let number) = $0 { number } else { nil } }
    return numbers.count == elements.count ? numbers : nil
  }
}

// MARK: - The stack

extension Pickle {
  fileprivate static var damaged: PyTorchFileProblem {
    PyTorchFileProblem("its pickle is damaged or no state dictionary")
  }

  /// The least place that may be taken off: the last mark guards what lies below it.
  private var floor: Int { marks.last ?? 0 }

  private func top() throws -> Value {
    guard stack.count > floor else { throw Self.damaged }
    return stack[stack.count - 1]
  }

  private mutating func pop() throws -> Value {
    _ = try top()
    return stack.removeLast()
  }

  private mutating func popped(_ count: Int) throws -> [Value] {
    guard stack.count - floor >= count else { throw Self.damaged }
    defer { stack.removeLast(count) }
    return Array(stack.suffix(count))
  }

  private mutating func poppedToMark() throws -> [Value] {
    guard let mark = marks.popLast() else { throw Self.damaged }
    defer { stack.removeLast(stack.count - mark) }
    return Array(stack[mark...])
  }

  private func remembered(_ index: Int) throws -> Value {
    guard let value = memo[index] else { throw Self.damaged }
    return value
  }
}
