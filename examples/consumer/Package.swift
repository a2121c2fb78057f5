// swift-tools-version: 6.0
import PackageDescription

let package = Package(
    name: "Consumer",
    platforms: [.iOS(.v15), .macOS(.v13)],
    dependencies: [.package(name: "fleet-token", path: "../..")],
    targets: [
        .executableTarget(name: "Consumer", dependencies: [.product(name: "FleetToken", package: "fleet-token")])
    ]
)
