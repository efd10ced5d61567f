import Foundation
import Launching
import Testing

@Suite struct ListeningSocketTests {
  @Test("port 0 gives a free port on loopback alone, which no child inherits")
  func freePort() throws {
    let socket = try ListeningSocket(on: "127.0.0.1", port: 0)
    defer { close(socket.descriptor) }
    #expect((1...65535).contains(socket.port))
    #expect(fcntl(socket.descriptor, F_GETFD) & FD_CLOEXEC != 0)
    // The line of /proc/net/tcp for it: 127.0.0.1, the port in hexadecimal, listening.
    let line = "0100007F:" + String(format: "%04X", socket.port) + " 00000000:0000 0A"
    #expect(try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8).contains(line))
  }

  @Test("a taken port, another machine's address and an unknown host are one line each")
  func failures() throws {
    let socket = try ListeningSocket(on: "localhost", port: 0)
    defer { close(socket.descriptor) }
    let taken = #expect(throws: LaunchError.self) { try ListeningSocket(on: "localhost", port: socket.port) }
    #expect(taken?.description.hasPrefix("cannot listen on localhost: port \(socket.port) is taken") == true)
    // An address for documentation (RFC 5737), which no machine has.
    let foreign = #expect(throws: LaunchError.self) { try ListeningSocket(on: "192.0.2.1", port: 0) }
    #expect(foreign?.description.contains("no interface of this machine has that address") == true)
    let unknown = #expect(throws: LaunchError.self) { try ListeningSocket(on: "no such host", port: 0) }
    #expect(unknown?.description.hasPrefix("cannot listen on no such host: ") == true)
  }
}
