import Foundation
import Torch

/// What carries exchanges of tensors between processes.
public enum Carrier: Equatable, Sendable {
  /// NCCL, from CUDA device to CUDA device; what lies on the CPU goes over Gloo.
  case nccl
  /// Gloo, over TCP. The reason is for people: why it is not NCCL; nil where nobody would expect that.
  case gloo(because: String?)

  /// A process's CUDA device, as all processes know it.
  public struct Place: Codable, Equatable, Sendable {
    /// Its number in the process.
    public var device: Int
    public var name: String
    /// Tells machines apart.
    public var machine: String
    /// Where the GPU sits in the machine. Processes may call one GPU by different numbers, or all their own one 0.
    public var pciBusID: String

    package init(device: Int, name: String, machine: String, pciBusID: String) {
      (self.device, self.name, self.machine, self.pciBusID) = (device, name, machine, pciBusID)
    }

    /// A GPU of this machine.
    public init(_ gpu: GPU) {
      self.init(device: gpu.number, name: gpu.name, machine: Self.thisMachine, pciBusID: gpu.pciBusID)
    }

    /// Another one after each start of the machine, and the same in all its containers, whatever host names they have.
    private static let thisMachine: String = {
      let drawn = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
      return drawn?.trimmingCharacters(in: .whitespacesAndNewlines) ?? ProcessInfo.processInfo.hostName
    }()

    /// NCCL connects whole GPUs: it refuses a second process on one, also on another part of a divided one.
    func isGPU(of other: Place) -> Bool { machine == other.machine && pciBusID == other.pciBusID }
  }

  /// What one process brings to the choice.
  public struct Offer: Codable, Equatable, Sendable {
    /// Its CUDA device, where it can use NCCL.
    public var place: Place?
    /// Why it cannot, for people.
    public var obstacle: String?
    /// Whether it is an error not to use NCCL.
    public var isDemand: Bool

    /// Offers the GPU at `place`, or says why there is none to offer.
    public init(place: Place? = nil, obstacle: String? = nil, isDemand: Bool = false) {
      (self.place, self.obstacle, self.isDemand) = (place, obstacle, isDemand)
    }
  }

  /// NCCL where every process has a CUDA device of its own.
  ///
  /// - Parameter offers: by rank.
  package static func chosen(from offers: [Offer]) -> Carrier {
    guard offers.allSatisfy({ $0.place != nil }) else {
      let obstacles = offers.map(\.obstacle)
      if obstacles.allSatisfy({ $0 == obstacles[0] }) { return .gloo(because: obstacles[0]) }
      return .gloo(
        because: obstacles.enumerated().lazy.compactMap { rank, why in why.map { "rank \(rank): \($0)" } }.first)
    }
    let places = offers.compactMap(\.place)
    for (rank, place) in places.enumerated() {
      guard let other = places[..<rank].firstIndex(where: place.isGPU) else { continue }
      return .gloo(because: "ranks \(other) and \(rank) are on one GPU, \(place.name) at \(place.pciBusID)")
    }
    return .nccl
  }
}

extension World {
  /// Chooses with all other processes what carries exchanges.
  ///
  /// - Returns: the CUDA device of this process where it is NCCL, else nil.
  /// - Throws: ``DistributedError`` where one of them must have NCCL and it is not to be had.
  func agreeOnCarrier(_ offer: Carrier.Offer) throws -> Int? {
    let offers = try gather(offer)
    carrier = Carrier.chosen(from: offers)
    guard case .gloo(let reason) = carrier else { return offer.place?.device }
    guard offers.contains(where: \.isDemand) else { return nil }
    throw DistributedError(
      "\(name: .exchangeBackend): NCCL is asked for, but \(reason ?? "not by every process")",
      advice: "give each process a GPU of its own, or use Gloo", origin: isFirst ? .here : .everywhere,
      isWrongUsage: true)
  }
}
