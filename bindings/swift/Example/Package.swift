// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Example",
    platforms: [.iOS(.v15), .macOS(.v13)],
    dependencies: [.package(name: "fleet-token", path: "../../..")],
    targets: [
        .executableTarget(name: "Example", dependencies: [.product(name: "FleetToken", package: "fleet-token")])
    ]
)
