// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "CustomMethod",
  dependencies: [
    // A package elsewhere depends on a clone by its path, or on a revision: see the README.
    .package(name: "simclr", path: "../..")
  ],
  targets: [
    .executableTarget(name: "CustomMethod", dependencies: [.product(name: "SimCLR", package: "simclr")])
  ]
)
