@testable import FleetToken
import Foundation
import Testing

/// The privacy manifest as an app's bundle gets it, and what it has to answer for.
@Suite struct PrivacyTests {
    @Test func theManifestIsAResourceAndSaysWhatIsUsed() throws {
        let file = try #require(Bundle.module.url(forResource: "PrivacyInfo", withExtension: "xcprivacy"))
        let list = try PropertyListSerialization.propertyList(from: try Data(contentsOf: file), format: nil)
        let manifest = try #require(list as? [String: Any])
        #expect(manifest["NSPrivacyTracking"] as? Bool == false)
        #expect((manifest["NSPrivacyTrackingDomains"] as? [Any])?.isEmpty == true)
        #expect((manifest["NSPrivacyCollectedDataTypes"] as? [Any])?.isEmpty == true)
        let used = try #require(manifest["NSPrivacyAccessedAPITypes"] as? [[String: Any]])
        let reasons = used.map { entry in
            "\(entry["NSPrivacyAccessedAPIType"] ?? "") \(entry["NSPrivacyAccessedAPITypeReasons"] ?? "")"
        }
        #expect(manifest.count == 4 && reasons.count == 2)
        #expect(
            reasons.contains { $0.hasPrefix("NSPrivacyAccessedAPICategorySystemBootTime") && $0.contains("35F9.1") })
        #expect(reasons.contains { $0.hasPrefix("NSPrivacyAccessedAPICategoryFileTimestamp") && $0.contains("C617.1") })
    }

    /// Apple's list of APIs that want a reason, by the names that Swift sources would use.
    @Test func nothingElseThatWantsAReasonIsUsed() throws {
        let names = [
            "UserDefaults", "NSUserDefaults", "activeInputModes", "systemUptime", "mach_absolute_time", "FileManager",
            "creationDate", "modificationDate", "fileModificationDate", "contentModificationDateKey", "creationDateKey",
            "getattrlist", "volumeAvailableCapacity", "volumeTotalCapacity", "systemFreeSize", "systemSize", "statfs",
            "statvfs", "fstat", "lstat",
        ]
        for folder in ["bindings/swift/Sources/FleetToken", "bindings/swift/Adapters"] {
            for (file, text) in try Repository.texts(in: folder, ending: "swift") {
                for name in names { #expect(!text.contains(name), "\(file) uses \(name)") }
            }
        }
    }
}
