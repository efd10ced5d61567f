import CTorch
import Foundation
import Launching
import Torch

/// Keys and values that processes share over TCP (c10d's TCPStore): how they find each other and say why they end.
///
/// One process serves it, the others are its clients. A connection answers one question at a time, so a thread that
/// waits for a key should have a connection of its own.
public final class Store: @unchecked Sendable {
  let handle: OpaquePointer

  /// Where the store is served.
  public let endpoint: Endpoint

  private init(owning handle: OpaquePointer, at endpoint: Endpoint) {
    self.handle = handle
    self.endpoint = endpoint
  }

  deinit { ctorch_store_free(handle) }

  /// Serves a store at an address of this machine, and nowhere else.
  ///
  /// - Parameter endpoint: port 0 takes a free one, which ``endpoint`` then names.
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
    return Store(owning: handle!, at: bound)
  }

  /// Connects to a store that another process serves or is about to.
  ///
  /// - Throws: ``DistributedError`` when the host is unknown, or nobody answers within `timeout`.
  public static func connect(to endpoint: Endpoint, timeout: Duration = .seconds(60)) throws -> Store {
    let address = try endpoint.resolved()
    var handle: OpaquePointer?
    guard ctorch_store_connect(address, Int32(endpoint.port), timeout.milliseconds, &handle) == CTORCH_OK else {
      throw DistributedError(
        "no answer from the rendezvous at \(endpoint) within \(timeout.wholeSeconds) s: is rank 0 (or node 0) running, and is the port reachable from here?"
      )
    }
    return Store(owning: handle!, at: endpoint)
  }

  /// The same connection, with `prefix` put before every key.
  public func prefixed(_ prefix: String) throws -> Store {
    var handle: OpaquePointer?
    try check(ctorch_store_prefix(self.handle, prefix, &handle))
    return Store(owning: handle!, at: endpoint)
  }

  /// Sets a key to a text.
  ///
  /// - Throws: ``DistributedError`` when the store does not answer; so do all other calls.
  public func set(_ key: String, _ value: String) throws {
    var text = value
    try check(text.withUTF8 { ctorch_store_set(handle, key, $0.baseAddress, $0.count) })
  }

  /// The text of a key, as soon as some process has set it; nil after `timeout`.
  public func value(of key: String, waiting timeout: Duration) throws -> String? {
    let deadline = ContinuousClock.now + timeout
    // Asking again and again, where the store itself could wait: a wait that ended late would take the connection along.
    while try !has(key) {
      guard ContinuousClock.now < deadline else { return nil }
      usleep(10_000)
    }
    var bytes: UnsafeMutableRawPointer?
    var count = 0
    try check(ctorch_store_get(handle, key, Int64(1000), &bytes, &count))
    defer { free(bytes) }
    return String(decoding: UnsafeRawBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  /// Whether some process has set the key.
  public func has(_ key: String) throws -> Bool {
    var found = false
    try check(ctorch_store_has(handle, key, &found))
    return found
  }

  /// Adds to a counter that begins at 0, and returns its new value.
  @discardableResult public func add(_ key: String, _ value: Int) throws -> Int {
    var sum: Int64 = 0
    try check(ctorch_store_add(handle, key, Int64(value), &sum))
    return Int(sum)
  }

  private func check(_ status: Int32) throws {
    guard status == CTORCH_OK else {
      throw DistributedError(
        "the rendezvous at \(endpoint) no longer answers: \(TorchError.last())", isConsequence: true)
    }
  }
}

extension Duration {
  var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
  var wholeSeconds: Int64 { components.seconds }
}
