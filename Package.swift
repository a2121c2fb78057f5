// swift-tools-version: 6.0
//
// The Swift package. Its core is the Rust library of this repository, called through sources that are generated from
// that library. Where the library comes from:
//
//   FLEET_TOKEN_LIB_DIR       a folder with libfleet_token.so or .dylib, as `cargo xtask bindings` makes two here:
//                             bindings/generated/shipped/lib   what apps get: to use this checkout on Linux or a Mac
//                             bindings/generated/testing/lib   with a manual clock: the tests need it
//   FLEET_TOKEN_XCFRAMEWORK   an XCFramework inside this folder, as `cargo xtask dist apple` makes it on a Mac
//   neither                   the XCFramework of the release, for apps
//
// The tests, and what only they need, are there with a library for tests alone.
import PackageDescription

/// The release's XCFramework. Nothing is published yet: no app can resolve this package before these two are real.
let release = (
    url: "https://fleet-token.invalid/0.1.0/fleet_tokenFFI.xcframework.zip",
    checksum: "0000000000000000000000000000000000000000000000000000000000000000"
)

func setting(_ name: String) -> String? {
    Context.environment[name].flatMap { $0.isEmpty ? nil : $0 }
}

let libraries = setting("FLEET_TOKEN_LIB_DIR")
let isForTests = libraries.map { !$0.hasSuffix("shipped/lib") } ?? false
/// The bindings that belong to the library: a library with a manual clock has its own.
let bindings = "bindings/generated/\(isForTests ? "testing" : "shipped")/swift"

let core: Target
// SwiftPM refuses a dependency with unsafe flags, so that only the first form may have any.
var linking: [LinkerSetting] = []
var strict: [SwiftSetting] = []
if let libraries {
    core = .systemLibrary(name: "fleet_tokenFFI", path: "\(bindings)/fleet_tokenFFI")
    linking = [
        .linkedLibrary("fleet_token"),
        .unsafeFlags(["-L\(libraries)", "-Xlinker", "-rpath", "-Xlinker", libraries]),
    ]
    strict = isForTests ? [.unsafeFlags(["-warnings-as-errors"])] : []
} else if let framework = setting("FLEET_TOKEN_XCFRAMEWORK") {
    core = .binaryTarget(name: "fleet_tokenFFI", path: framework)
} else {
    core = .binaryTarget(name: "fleet_tokenFFI", url: release.url, checksum: release.checksum)
}

let package = Package(
    name: "FleetToken",
    platforms: [.iOS(.v15), .macOS(.v13)],
    products: [.library(name: "FleetToken", targets: ["FleetToken"])],
    targets: [
        core,
        // Swift 5: in 6 the compiler crashes on what uniffi 0.32 generates.
        .target(
            name: "FleetTokenFFI",
            dependencies: ["fleet_tokenFFI"],
            path: "\(bindings)/FleetTokenFFI",
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: linking
        ),
        .target(
            name: "FleetToken",
            dependencies: ["FleetTokenFFI"],
            path: "bindings/swift/Sources/FleetToken",
            resources: [.process("PrivacyInfo.xcprivacy")],
            swiftSettings: strict + publicFace
        ),
    ],
    swiftLanguageModes: [.v6]
)

/// Has the compiler write down what apps see, for a test to compare with what was agreed.
var publicFace: [SwiftSetting] {
    guard isForTests else { return [] }
    let folder = "\(Context.packageDirectory)/.build/symbols"
    return [.unsafeFlags(["-emit-symbol-graph", "-emit-symbol-graph-dir", folder])]
}

if isForTests {
    package.targets += [
        .testTarget(
            name: "FleetTokenTests",
            dependencies: ["FleetToken", "FleetTokenFFI"],
            path: "bindings/swift/Tests/FleetTokenTests"
        ),
        // The signatures of Google's SDKs that the adapters are compiled against, and nothing else of them.
        .target(name: "GoogleRidesharingDriver", path: "bindings/swift/Tests/Stubs/GoogleRidesharingDriver"),
        .target(name: "GoogleRidesharingConsumer", path: "bindings/swift/Tests/Stubs/GoogleRidesharingConsumer"),
        .target(
            name: "Adapters",
            dependencies: ["FleetToken", "GoogleRidesharingDriver", "GoogleRidesharingConsumer"],
            path: "bindings/swift/Adapters",
            swiftSettings: strict
        ),
        // Packages of their own for whoever tries this one; here the tests run them.
        .executableTarget(
            name: "Example",
            dependencies: ["FleetToken"],
            path: "bindings/swift/Example/Sources/Example",
            swiftSettings: strict
        ),
        .executableTarget(
            name: "Consumer",
            dependencies: ["FleetToken"],
            path: "examples/consumer/Sources/Consumer",
            swiftSettings: strict
        ),
        .testTarget(
            name: "AdapterTests",
            dependencies: [
                "Adapters", "Consumer", "Example", "FleetToken", "GoogleRidesharingDriver", "GoogleRidesharingConsumer",
            ],
            path: "bindings/swift/Tests/AdapterTests"
        ),
    ]
}
