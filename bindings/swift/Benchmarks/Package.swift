// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Benchmarks",
    platforms: [.iOS(.v15), .macOS(.v13)],
    dependencies: [.package(name: "fleet-token", path: "../../..")],
    targets: [
        .target(name: "Allocations"),
        .executableTarget(
            name: "Benchmarks",
            dependencies: ["Allocations", .product(name: "FleetToken", package: "fleet-token")]
        ),
    ]
)
