// swift-tools-version: 6.0
//
// The Swift package. Its core is the Rust library of this repository, called through sources that are generated from
// that library: run `cargo xtask bindings` first, or `cargo xtask swift`, which also runs the tests.
import PackageDescription

// FLEET_TOKEN_LIB_DIR: a folder with libfleet_token.so or .dylib, for development and CI on any system.
// FLEET_TOKEN_BINDINGS: which of the generated bindings belong to it; the ones for tests unless said otherwise.
func setting(_ name: String) -> String? {
    Context.environment[name].flatMap { $0.isEmpty ? nil : $0 }
}
let libraries = setting("FLEET_TOKEN_LIB_DIR") ?? "\(Context.packageDirectory)/bindings/generated/testing/lib"
let generated = "bindings/generated/\(setting("FLEET_TOKEN_BINDINGS") ?? "testing")/swift"

let package = Package(
    name: "FleetToken",
    platforms: [.iOS(.v15), .macOS(.v13), .tvOS(.v15), .watchOS(.v8)],
    products: [.library(name: "FleetToken", targets: ["FleetToken"])],
    targets: [
        .systemLibrary(name: "fleet_tokenFFI", path: "\(generated)/fleet_tokenFFI"),
        // Swift 5: in 6 the compiler crashes on what uniffi 0.32 generates.
        .target(
            name: "FleetTokenFFI",
            dependencies: ["fleet_tokenFFI"],
            path: "\(generated)/FleetTokenFFI",
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: [
                .linkedLibrary("fleet_token"),
                .unsafeFlags(["-L\(libraries)", "-Xlinker", "-rpath", "-Xlinker", libraries]),
            ]
        ),
        .target(
            name: "FleetToken",
            dependencies: ["FleetTokenFFI"],
            path: "bindings/swift/Sources/FleetToken",
            swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-warnings-as-errors"])]
        ),
        .testTarget(
            name: "FleetTokenTests",
            dependencies: ["FleetToken", "FleetTokenFFI"],
            path: "bindings/swift/Tests/FleetTokenTests",
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
    ],
    swiftLanguageModes: [.v6]
)
