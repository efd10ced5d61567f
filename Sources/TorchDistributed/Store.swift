import CTorch
import Foundation
import Launching
import Synchronization
import Torch

/// Keys and values that processes share over TCP (c10d's TCPStore): how they find each other and say why they end.
///
/// One process serves it, the others are its clients. A connection answers one question at a time, so a thread that
/// waits for a key should have a connection of its own. c10d itself would wait forever for a server that was stopped;
/// here every question has an end, and after one that was not answered all others fail at once.
public final class Store: @unchecked Sendable {
  let handle: OpaquePointer

  /// Where the store is served.
  public let endpoint: Endpoint
  /// How long an answer may take.
  private let patience: Duration
  private let connection: Connection

  /// Shared by a store and those that were made from it.
  private final class Connection: Sendable {
    let isLost = Atomic(false)
  }

  /// A handle on its way from another thread.
  private struct Opening: @unchecked Sendable {
    var handle: OpaquePointer?
  }

  private init(
    owning handle: OpaquePointer, at endpoint: Endpoint, patience: Duration, connection: Connection = Connection()
  ) {
    self.handle = handle
    self.endpoint = endpoint
    self.patience = patience
    self.connection = connection
  }

  deinit { ctorch_store_free(handle) }

  /// Serves a store at an address of this machine, and nowhere else.
  ///
  /// - Parameters:
  ///   - endpoint: port 0 takes a free one, which ``endpoint`` then names.
  ///   - timeout: how long an answer may take.
  /// - Throws: `LaunchError` when the address is not this machine's or the port is taken.
  public static func host(at endpoint: Endpoint, timeout: Duration = .seconds(60)) throws -> Store {
    let address = try endpoint.resolved()
    let socket = try ListeningSocket(on: address, port: endpoint.port)
    let bound = Endpoint(host: endpoint.host, port: socket.port)
    var handle: OpaquePointer?
    let status = ctorch_store_host(socket.descriptor, Int32(bound.port), address, timeout.milliseconds, &handle)
    guard status == CTORCH_OK else {
      throw DistributedError("cannot serve the rendezvous at \(bound): \(TorchError.last())")
    }
    return Store(owning: handle!, at: bound, patience: timeout)
  }

  /// Connects to a store that another process serves or is about to.
  ///
  /// - Parameter timeout: how long it may take until somebody serves it, and how long answers may take.
  /// - Throws: ``DistributedError`` when the host is unknown, or nobody answers within `timeout`.
  public static func connect(to endpoint: Endpoint, timeout: Duration = .seconds(60)) throws -> Store {
    let address = try endpoint.resolved()
    let opening = result(within: timeout + .seconds(1)) {
      var opening = Opening()
      ctorch_store_connect(address, Int32(endpoint.port), timeout.milliseconds, &opening.handle)
      return opening
    }
    guard let handle = opening?.handle else {
      throw DistributedError(
        "no answer from the rendezvous at \(endpoint) within \(timeout.wholeSeconds) s: is rank 0 (or node 0) running, and is the port reachable from here?"
      )
    }
    return Store(owning: handle, at: endpoint, patience: timeout)
  }

  /// The same connection, with `prefix` put before every key.
  ///
  /// - Parameter patience: how long an answer may take, if not as long as now.
  public func prefixed(_ prefix: String, patience: Duration? = nil) throws -> Store {
    var handle: OpaquePointer?
    guard ctorch_store_prefix(self.handle, prefix, &handle) == CTORCH_OK else { throw lost }
    return Store(owning: handle!, at: endpoint, patience: patience ?? self.patience, connection: connection)
  }

  /// The same connection, with `prefix` put before every key, those included that c10d's groups share by themselves.
  func namespaced(_ prefix: String) throws -> Store {
    var handle: OpaquePointer?
    guard ctorch_store_namespace(self.handle, prefix, &handle) == CTORCH_OK else { throw lost }
    return Store(owning: handle!, at: endpoint, patience: patience, connection: connection)
  }
}

// MARK: - Keys

extension Store {
  /// Sets a key to a text.
  ///
  /// - Throws: ``DistributedError`` when the store does not answer; so do all other calls.
  public func set(_ key: String, _ value: String) throws {
    try ask { store in
      var text = value
      return text.withUTF8 { ctorch_store_set(store.handle, key, $0.baseAddress, $0.count) } == CTORCH_OK ? () : nil
    }
  }

  /// The text of a key, as soon as some process has set it; nil after `timeout`.
  public func value(of key: String, waiting timeout: Duration) throws -> String? {
    let deadline = ContinuousClock.now + timeout
    // Asking again and again, where the store itself could wait: a wait that ended late would take the connection along.
    while try !has(key) {
      guard ContinuousClock.now < deadline else { return nil }
      usleep(10_000)
    }
    return try ask { store in
      var bytes: UnsafeMutableRawPointer?
      var count = 0
      guard ctorch_store_get(store.handle, key, Int64(1000), &bytes, &count) == CTORCH_OK else { return nil }
      defer { free(bytes) }
      return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
  }

  /// All keys, whoever set them: whoever can connect can ask for them.
  public func keys() throws -> [String] {
    try ask { store in
      var (bytes, count) = (nil as UnsafeMutableRawPointer?, 0)
      guard ctorch_store_keys(store.handle, &bytes, &count) == CTORCH_OK else { return nil }
      defer { free(bytes) }
      return UnsafeRawBufferPointer(start: bytes, count: count).split(separator: 0).map {
        String(decoding: $0, as: UTF8.self)
      }
    }
  }

  /// Whether some process has set the key.
  public func has(_ key: String) throws -> Bool {
    try ask { store in
      var found = false
      return ctorch_store_has(store.handle, key, &found) == CTORCH_OK ? found : nil
    }
  }

  /// Adds to a counter that begins at 0, and returns its new value.
  @discardableResult public func add(_ key: String, _ value: Int) throws -> Int {
    try ask { store in
      var sum: Int64 = 0
      return ctorch_store_add(store.handle, key, Int64(value), &sum) == CTORCH_OK ? Int(sum) : nil
    }
  }

  /// The text of a key, which is set to `value` if no process has set it yet.
  func value(of key: String, settingIfAbsent value: String) throws -> String {
    try ask { store in
      var (text, bytes, count) = (value, nil as UnsafeMutableRawPointer?, 0)
      let status = text.withUTF8 {
        ctorch_store_set_if_absent(store.handle, key, $0.baseAddress, $0.count, &bytes, &count)
      }
      guard status == CTORCH_OK else { return nil }
      defer { free(bytes) }
      return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
  }

  /// Asks the server; nil is no answer.
  private func ask<Answer: Sendable>(_ question: @escaping @Sendable (Store) -> Answer?) throws -> Answer {
    guard !connection.isLost.load(ordering: .relaxed),
      let answer = result(within: patience, of: { question(self) }), let answer
    else {
      connection.isLost.store(true, ordering: .relaxed)
      throw lost
    }
    return answer
  }

  private var lost: DistributedError {
    DistributedError("the rendezvous at \(endpoint) no longer answers", origin: .unknown)
  }
}
