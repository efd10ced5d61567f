import Synchronization

/// A value that threads share.
public final class Box<Value: Sendable>: Sendable {
  private let storage: Mutex<Value>

  public init(_ value: Value) { storage = Mutex(value) }

  public var value: Value { storage.withLock { $0 } }

  public func update(_ body: @Sendable (inout Value) -> Void) {
    storage.withLock { value in
      var copy = value
      body(&copy)
      value = copy
    }
  }
}
