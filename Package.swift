// swift-tools-version: 6.1
import Foundation
import PackageDescription

// libtorch is the `torch` folder of a PyPI wheel: from the environment, else the link that `make setup` leaves here.
let libtorch =
  ProcessInfo.processInfo.environment["LIBTORCH"] ?? Context.packageDirectory + "/.libtorch"

let torchCxx: [CXXSetting] = [
  .unsafeFlags([
    "-isystem", "\(libtorch)/include", "-isystem", "\(libtorch)/include/torch/csrc/api/include",
    "-O2", "-Wall", "-Wextra", "-Werror",
  ]),
  .define("USE_DISTRIBUTED"), .define("USE_C10D_GLOO"),
]
let torchLinking: [LinkerSetting] = [
  .unsafeFlags([
    "-L\(libtorch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(libtorch)/lib",
    "-Xlinker", "--unresolved-symbols=ignore-in-shared-libs",
  ]),
  .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
]
let vectorised: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]
let strict: [SwiftSetting] = [.unsafeFlags(["-warnings-as-errors"])]

let package = Package(
  name: "simclr",
  products: [
    .executable(name: "simclr", targets: ["SimCLRCommand"]),
    .library(name: "SimCLR", targets: ["Torch", "TorchNN", "VisionData", "SimCLR", "SimCLREvaluation"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "CTorch", cxxSettings: torchCxx, linkerSettings: torchLinking),
    .target(
      name: "CImageCodec", cSettings: [.unsafeFlags(["-O2", "-march=x86-64-v3", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png16"), .linkedLibrary("z")]),
    .target(name: "Torch", dependencies: ["CTorch"], swiftSettings: strict),
    .target(name: "TorchNN", dependencies: ["Torch"], swiftSettings: strict),
    .target(name: "CProcess", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
    .target(name: "Launching", dependencies: ["CProcess"], swiftSettings: strict),
    .target(
      name: "CDigest", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("crypto")]),
    .target(name: "TorchDistributed", dependencies: ["CDigest", "Launching", "TorchNN"], swiftSettings: strict),
    .target(
      name: "VisionData", dependencies: ["CImageCodec", "Torch"], swiftSettings: strict + vectorised),
    .target(
      name: "SimCLR", dependencies: ["TorchDistributed", "VisionData", "Yams"], swiftSettings: strict),
    .target(name: "SimCLREvaluation", dependencies: ["SimCLR"], swiftSettings: strict),
    .executableTarget(
      name: "SimCLRCommand",
      dependencies: [
        "Launching", "SimCLR", "SimCLREvaluation", "VisionData",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["Launching", "TorchDistributed"], path: "Tests/TestSupport",
      swiftSettings: strict),
    .target(name: "FakeCUDA", path: "Tests/FakeCUDA", cxxSettings: torchCxx, linkerSettings: torchLinking),
    .target(
      name: "KernelsOnCPU", dependencies: ["CTorch"], path: "Tests/KernelsOnCPU", cxxSettings: torchCxx),
    .testTarget(
      name: "TorchTests", dependencies: ["FakeCUDA", "KernelsOnCPU", "Torch", "TestSupport"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "TorchNNTests", dependencies: ["TorchNN", "TestSupport"], exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "TorchDistributedTests", dependencies: ["KernelsOnCPU", "TorchDistributed", "TestSupport"],
      exclude: ["StandIn"], swiftSettings: strict),
    .testTarget(
      name: "VisionDataTests", dependencies: ["VisionData", "Torch"], exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "SimCLRTests", dependencies: ["SimCLR", "TestSupport"], exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "SimCLREvaluationTests", dependencies: ["SimCLREvaluation", "TestSupport"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .executableTarget(
      name: "supervise-for-tests", dependencies: ["Launching"], path: "Tests/Supervise", swiftSettings: strict),
    .testTarget(
      name: "LaunchingTests", dependencies: ["Launching", "supervise-for-tests"], swiftSettings: strict),
    .testTarget(
      name: "SimCLRCommandTests", dependencies: ["Launching", "SimCLRCommand", "SimCLR", "VisionData"],
      swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx20
)
