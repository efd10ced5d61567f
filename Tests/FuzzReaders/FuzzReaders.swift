import Foundation
import Torch

/// Hands mutated files to a reader, which must read or refuse them: without a crash, a hang or more memory than a file has
/// a right to. Every input follows from its number, so that one can be run again.
///
/// `fuzz-readers KIND RUNS SEEDS PROGRESS [FIRST]`: SEEDS is a folder of whole files. The number of the input that is being
/// read is kept in the file PROGRESS, where it stays if the process dies.
@main
enum FuzzReaders {
  private static let secondsForOne = 10.0
  private static let megabytesAtMost = 512

  static func main() throws {
    let arguments = CommandLine.arguments
    guard arguments.count >= 5, let kind = Reader.Kind(rawValue: arguments[1]), let runs = Int(arguments[2]) else {
      fail(
        "expected KIND (\(Reader.Kind.allCases.map(\.rawValue).joined(separator: ", "))) RUNS SEEDS PROGRESS [FIRST]")
    }
    let reader = try Reader(kind, seedsIn: URL(fileURLWithPath: arguments[3]))
    for (index, seed) in reader.seeds.enumerated() {
      guard reader.accepts(seed) else { fail("\(kind.rawValue): seed \(index) is not a whole file") }
    }
    let progress = Progress(at: arguments[4])
    let first = arguments.count > 5 ? Int(arguments[5]) ?? 0 : 0
    let before = ProcessMemory.peakResidentBytes
    watch(progress)
    var accepted = 0
    for index in first..<first + runs {
      progress.index = index
      var mutation = Mutation(number: index, tokens: reader.tokens)
      accepted += reader.accepts(mutation.mutated(reader.seeds)) ? 1 : 0
    }
    let megabytes = (ProcessMemory.peakResidentBytes - before) >> 20
    guard megabytes <= megabytesAtMost else { fail("\(kind.rawValue): reading took \(megabytes) MB") }
    print("\(kind.rawValue): \(runs) inputs, no failure; \(accepted) read, \(megabytes) MB more in all")
  }

  /// Ends the process when one input takes too long, in time of the processor: the machine may be busy, or stand still.
  private static func watch(_ progress: Progress) {
    Thread.detachNewThread {
      var (last, since) = (-1, 0.0)
      while true {
        Thread.sleep(forTimeInterval: 1)
        let now = processorSeconds()
        if progress.index != last { (last, since) = (progress.index, now) }
        if now - since > secondsForOne { fail("input \(last) takes more than \(secondsForOne) s") }
      }
    }
  }

  private static func processorSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  private static func fail(_ message: String) -> Never {
    FileHandle.standardError.write(Data("fuzz-readers: \(message)\n".utf8))
    _exit(1)
  }
}

/// A number in a file that outlives the process.
final class Progress: @unchecked Sendable {
  private let place: UnsafeMutablePointer<Int>

  init(at path: String) {
    let descriptor = open(path, O_RDWR | O_CREAT, 0o644)
    precondition(descriptor >= 0 && ftruncate(descriptor, 8) == 0, "cannot write \(path)")
    let memory = mmap(nil, 8, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)!
    place = memory.bindMemory(to: Int.self, capacity: 1)
  }

  var index: Int {
    get { place.pointee }
    set { place.pointee = newValue }
  }
}
