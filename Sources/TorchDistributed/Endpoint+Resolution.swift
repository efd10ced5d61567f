import Foundation
import Launching

extension Endpoint {
  /// This machine, reachable from itself only, on a free port.
  public static let loopback = Endpoint(host: "127.0.0.1", port: 0)

  /// The host as a numeric address.
  ///
  /// - Throws: ``DistributedError`` when the name is unknown.
  func resolved() throws -> String {
    let list = try lookUp()
    defer { freeaddrinfo(list) }
    return Self.numericHost(list.pointee.ai_addr, list.pointee.ai_addrlen)
  }

  /// The address of this machine from which packets to the host would leave: other machines reach it where they reach
  /// the host.
  ///
  /// - Throws: ``DistributedError`` when the name is unknown or no network leads there.
  func localAddressTowards() throws -> String {
    let list = try lookUp()
    defer { freeaddrinfo(list) }
    let probe = socket(list.pointee.ai_family, Int32(SOCK_DGRAM.rawValue), 0)
    defer { close(probe) }
    var address = sockaddr_storage()
    var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
    let found = withUnsafeMutablePointer(to: &address) { storage in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        // Connecting a datagram socket sends nothing; it only chooses the way.
        Glibc.connect(probe, list.pointee.ai_addr, list.pointee.ai_addrlen) == 0
          && getsockname(probe, pointer, &length) == 0 ? Self.numericHost(pointer, length) : nil
      }
    }
    guard let found else {
      throw DistributedError("no network of this machine leads to \(host): \(String(cString: strerror(errno)))")
    }
    return found
  }

  /// The addresses of the host; the caller frees the list.
  func lookUp() throws -> UnsafeMutablePointer<addrinfo> {
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var list: UnsafeMutablePointer<addrinfo>?
    // TCPStore prefers IPv6 where a name has both; IPv4 first is what people expect of a name such as localhost.
    hints.ai_family = AF_INET
    if getaddrinfo(host, String(max(port, 1)), &hints, &list) != 0 { hints.ai_family = AF_UNSPEC }
    let code = list == nil ? getaddrinfo(host, String(max(port, 1)), &hints, &list) : 0
    guard code == 0, let list else {
      throw DistributedError(
        "the host '\(host)' of the rendezvous is unknown (\(String(cString: gai_strerror(code))))",
        advice: "give a name or an address that this machine can resolve"
      )
    }
    return list
  }

  static func numericHost(_ address: UnsafePointer<sockaddr>, _ length: socklen_t) -> String {
    var text = [CChar](repeating: 0, count: Int(NI_MAXHOST))
    getnameinfo(address, length, &text, socklen_t(text.count), nil, 0, NI_NUMERICHOST)
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
