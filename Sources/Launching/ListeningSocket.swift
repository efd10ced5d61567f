import Foundation

/// A TCP socket that listens on the interface that has an address, and on no other, for a store to take over: left to
/// themselves, stores listen on all interfaces.
public struct ListeningSocket: Sendable {
  /// Owned by whoever takes it; not inherited by children.
  public let descriptor: Int32
  public let port: Int

  /// Listens.
  ///
  /// - Parameters:
  ///   - host: a name or an address of this machine.
  ///   - port: 1 to 65535, or 0 for any free one.
  /// - Throws: ``LaunchError`` when the host is unknown or another machine's, or the port is taken.
  public init(on host: String, port: Int) throws {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var addresses: UnsafeMutablePointer<addrinfo>?
    let code = getaddrinfo(host, String(port), &hints, &addresses)
    guard code == 0, let first = addresses else {
      throw LaunchError("cannot listen on \(host): \(String(cString: gai_strerror(code)))")
    }
    defer { freeaddrinfo(first) }
    var reason = EADDRNOTAVAIL
    for address in sequence(first: first, next: \.pointee.ai_next) {
      if let descriptor = Self.listen(on: address.pointee, reason: &reason) {
        self.descriptor = descriptor
        self.port = Self.port(of: descriptor)
        return
      }
      // A name's next address may be free, and is not where those look who try the first one.
      if reason == EADDRINUSE { break }
    }
    throw Self.error(host, port, reason)
  }

  private static func listen(on address: addrinfo, reason: inout Int32) -> Int32? {
    let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    let descriptor = socket(address.ai_family, type, 0)
    var yes: Int32 = 1
    // Connections of an earlier job that are not quite closed do not keep the port.
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
    if descriptor >= 0, bind(descriptor, address.ai_addr, address.ai_addrlen) == 0,
      Foundation.listen(descriptor, SOMAXCONN) == 0
    {
      return descriptor
    }
    reason = errno
    if descriptor >= 0 { close(descriptor) }
    return nil
  }

  private static func port(of descriptor: Int32) -> Int {
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = getsockname(descriptor, $0, &length) }
      // IPv4 and IPv6 have the port in the same place.
      return pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
        Int(UInt16(bigEndian: $0.pointee.sin_port))
      }
    }
  }

  private static func error(_ host: String, _ port: Int, _ reason: Int32) -> LaunchError {
    switch reason {
    case EADDRINUSE: LaunchError("cannot listen on \(host): port \(port) is taken. Try another, or end who has it")
    case EADDRNOTAVAIL:
      LaunchError("cannot listen on \(host): no interface of this machine has that address. It has to be node 0's own")
    default: LaunchError("cannot listen on \(host), port \(port): \(String(cString: strerror(reason)))")
    }
  }
}
