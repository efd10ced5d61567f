import Foundation
import Launching

/// A TCP socket that listens on one address of this machine. Whoever opens it closes it.
///
/// TCPStore would listen on all addresses; it is handed such a socket instead.
struct ListeningSocket {
  let descriptor: Int32
  /// The numeric address.
  let address: String
  let port: Int

  /// - Throws: ``DistributedError`` when the host is unknown or not this machine, or the port is taken.
  static func open(_ endpoint: Endpoint) throws -> ListeningSocket {
    let list = try endpoint.lookUp()
    defer { freeaddrinfo(list) }
    let descriptor = socket(list.pointee.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    do {
      let port = try bindAndListen(descriptor, list.pointee, endpoint)
      let address = Endpoint.numericHost(list.pointee.ai_addr, list.pointee.ai_addrlen)
      return ListeningSocket(descriptor: descriptor, address: address, port: port)
    } catch {
      close(descriptor)
      throw error
    }
  }

  private static func bindAndListen(_ descriptor: Int32, _ info: addrinfo, _ endpoint: Endpoint) throws -> Int {
    var one: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_storage()
    memcpy(&address, info.ai_addr, Int(info.ai_addrlen))
    var length = info.ai_addrlen
    let code = withUnsafeMutablePointer(to: &address) { storage -> Int32 in
      storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        // The port has the same place in both families. The look-up was made with port 1 where any will do.
        pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
          $0.pointee.sin_port = in_port_t(endpoint.port).bigEndian
        }
        guard bind(descriptor, pointer, length) == 0, Glibc.listen(descriptor, 1024) == 0 else { return errno }
        return getsockname(descriptor, pointer, &length) == 0 ? 0 : errno
      }
    }
    switch code {
    case 0:
      return withUnsafePointer(to: &address) { storage in
        storage.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { Int(UInt16(bigEndian: $0.pointee.sin_port)) }
      }
    case EADDRINUSE:
      throw DistributedError("port \(endpoint.port) on \(endpoint.host) is taken: choose another for the rendezvous")
    case EADDRNOTAVAIL:
      throw DistributedError(
        "\(endpoint.host) is no address of this machine: the rendezvous is at rank 0, so start rank 0 (node 0) on that host"
      )
    default:
      throw DistributedError("cannot listen at \(endpoint): \(String(cString: strerror(code)))")
    }
  }
}
