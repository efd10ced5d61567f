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
    // The OpenMP runtime of libtorch, on whose threads loops of ours run.
    "-l:libgomp.so.1",
  ]),
  .linkedLibrary("torch_cpu"), .linkedLibrary("c10"),
]
let vectorized: [SwiftSetting] = [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]
let warningsAreErrors: [SwiftSetting] = [.unsafeFlags(["-warnings-as-errors"])]
let strict = warningsAreErrors + [.enableUpcomingFeature("MemberImportVisibility")]

let package = Package(
  name: "simclr",
  products: [
    .executable(name: "simclr", targets: ["SimCLRCommand"]),
    .library(
      name: "SimCLR",
      targets: [
        "Errors", "Torch", "TorchNN", "TorchDistributed", "Randomness", "Images", "DataSets", "Augmentation", "Loading",
        "Encoders", "Methods", "Keys", "Pretraining", "Evaluation",
      ]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    .target(name: "Errors", swiftSettings: strict),
    .target(name: "CTorch", cxxSettings: torchCxx, linkerSettings: torchLinking),
    .target(
      name: "CImageCodec", cSettings: [.unsafeFlags(["-O2", "-march=x86-64-v3", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("jpeg"), .linkedLibrary("png16"), .linkedLibrary("z")]),
    .target(name: "Keys", dependencies: ["Errors", "Yams"], swiftSettings: strict),
    .target(name: "Torch", dependencies: ["CDigest", "CTorch", "Errors"], swiftSettings: strict),
    .target(name: "TorchNN", dependencies: ["Randomness", "Torch"], swiftSettings: strict),
    .target(name: "CLinux", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
    .target(name: "CProcessor", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])]),
    .target(name: "Launching", dependencies: ["CLinux", "Errors"], swiftSettings: strict),
    .target(
      name: "CDigest", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("crypto"), .linkedLibrary("z")]),
    .target(
      name: "TorchDistributed", dependencies: ["CDigest", "CTorch", "Errors", "Launching", "Torch", "TorchNN"],
      swiftSettings: strict),
    .target(name: "Randomness", swiftSettings: strict),
    .target(
      name: "CTypeface",
      cSettings: [
        .unsafeFlags([
          "-I/usr/local/include/freetype2", "-I/usr/include/freetype2", "-O2", "-Wall", "-Wextra", "-Werror",
        ])
      ], linkerSettings: [.linkedLibrary("freetype")]),
    .target(name: "Images", dependencies: ["CImageCodec", "CTypeface", "Errors"], swiftSettings: strict + vectorized),
    .target(
      name: "CDownload", cSettings: [.unsafeFlags(["-O2", "-Wall", "-Wextra", "-Werror"])],
      linkerSettings: [.linkedLibrary("z")]),
    .target(
      name: "DataSets", dependencies: ["CDigest", "CDownload", "Errors", "Images", "Randomness"],
      swiftSettings: strict + vectorized),
    .target(
      name: "Augmentation", dependencies: ["Errors", "Images", "Randomness", "Torch"],
      swiftSettings: strict + vectorized),
    .target(
      name: "Loading", dependencies: ["Augmentation", "DataSets", "Errors", "Images", "Randomness", "Torch"],
      swiftSettings: strict + vectorized),
    .target(name: "Encoders", dependencies: ["Torch", "TorchNN"], swiftSettings: strict),
    .target(
      name: "Methods", dependencies: ["Encoders", "Torch", "TorchDistributed", "TorchNN"],
      swiftSettings: strict),
    .target(
      name: "Pretraining",
      dependencies: [
        "Augmentation", "CDigest", "DataSets", "Encoders", "Errors", "Images", "Keys", "Launching", "Loading",
        "Methods", "Randomness", "Torch", "TorchDistributed", "TorchNN",
      ], swiftSettings: strict),
    .target(
      name: "Evaluation",
      dependencies: [
        "Augmentation", "CDigest", "DataSets", "Encoders", "Errors", "Images", "Loading", "Methods", "Pretraining",
        "Randomness", "Torch", "TorchNN",
      ], swiftSettings: strict),
    .executableTarget(
      name: "SimCLRCommand",
      dependencies: [
        "Augmentation", "CProcessor", "DataSets", "Encoders", "Errors", "Evaluation", "Images", "Keys", "Launching",
        "Loading", "Methods", "Pretraining", "Torch", "TorchDistributed", "TorchNN",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ], swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["Images", "Launching", "Torch", "TorchDistributed"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .target(name: "FakeCUDA", path: "Tests/FakeCUDA", cxxSettings: torchCxx, linkerSettings: torchLinking),
    .target(
      name: "KernelsOnCPU", dependencies: ["CTorch"], path: "Tests/KernelsOnCPU", cxxSettings: torchCxx),
    .testTarget(name: "ErrorsTests", dependencies: ["Errors"], swiftSettings: strict),
    .testTarget(name: "KeysTests", dependencies: ["Keys"], swiftSettings: strict),
    .testTarget(
      name: "TorchTests", dependencies: ["CTorch", "FakeCUDA", "KernelsOnCPU", "Torch", "TestSupport"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "TorchNNTests", dependencies: ["Torch", "TorchNN", "TestSupport"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "TorchDistributedTests",
      dependencies: ["CTorch", "KernelsOnCPU", "Launching", "Torch", "TorchDistributed", "TorchNN", "TestSupport"],
      exclude: ["StandIn"], swiftSettings: strict),
    .testTarget(name: "RandomnessTests", dependencies: ["Randomness"], swiftSettings: strict),
    .testTarget(
      name: "ImagesTests", dependencies: ["Images", "Randomness", "TestSupport"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "DataSetsTests", dependencies: ["DataSets", "Images", "Randomness", "TestSupport"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "AugmentationTests", dependencies: ["Augmentation", "Images", "Randomness", "TestSupport", "Torch"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "LoadingTests",
      dependencies: ["Augmentation", "DataSets", "Images", "Loading", "Randomness", "TestSupport", "Torch"],
      swiftSettings: strict),
    .testTarget(
      name: "EncodersTests", dependencies: ["Encoders", "Torch", "TorchNN", "TestSupport"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "MethodsTests",
      dependencies: ["Encoders", "Methods", "Torch", "TorchDistributed", "TorchNN", "TestSupport"],
      exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "PretrainingTests",
      dependencies: [
        "Augmentation", "DataSets", "Encoders", "Images", "Keys", "Loading", "Methods", "Pretraining", "Randomness",
        "TestSupport", "Torch", "TorchDistributed", "TorchNN",
      ], exclude: ["Fixtures"], swiftSettings: strict),
    .testTarget(
      name: "EvaluationTests",
      dependencies: [
        "Augmentation", "DataSets", "Encoders", "Evaluation", "Images", "Loading", "Pretraining", "Randomness",
        "Torch", "TorchNN", "TestSupport",
      ], exclude: ["Fixtures"], swiftSettings: strict),
    .executableTarget(
      name: "fuzz-readers", dependencies: ["Pretraining", "TestSupport", "Torch"], path: "Tests/FuzzReaders",
      swiftSettings: strict),
    .executableTarget(
      name: "supervise-for-tests", dependencies: ["Launching"], path: "Tests/Supervise", swiftSettings: strict),
    .testTarget(
      name: "LaunchingTests", dependencies: ["Launching", "supervise-for-tests"], swiftSettings: strict),
    .testTarget(
      name: "SimCLRCommandTests",
      dependencies: [
        "Augmentation", "Encoders", "Images", "Launching", "Pretraining", "Randomness", "SimCLRCommand", "TestSupport",
        "Torch",
      ], swiftSettings: strict),
  ],
  cxxLanguageStandard: .cxx20
)
