import FleetToken
import Foundation
import Testing

/// What can be read from the errors of Google's SDKs.
@Suite struct AuthFailureTests {
    private static let reporter = "GMTDVehicleReporterErrorDomain"

    @Test func aRefusalIsFoundInTheTextOfTheReason() {
        for (text, failure) in [
            ("UNAUTHENTICATED: token expired", AuthFailure.unauthenticated),
            ("Code: 7, PERMISSION_DENIED", .permissionDenied),
        ] {
            let reason = error("rpc", 3, text)
            #expect(AuthFailure(reason) == failure)
            #expect(AuthFailure(error(AuthFailureTests.reporter, 1, "update failed", reason)) == failure)
        }
    }

    @Test func aRefusalIsFoundByGRPCsNumbersInItsDomainAlone() {
        #expect(AuthFailure(error("io.grpc", 16, "no")) == .unauthenticated)
        #expect(AuthFailure(error("io.grpc", 7, "no")) == .permissionDenied)
        #expect(AuthFailure(error("io.grpc", 14, "no")) == nil)
        #expect(AuthFailure(error(AuthFailureTests.reporter, 16, "no")) == nil)
    }

    /// Whatever its text: a token that was never there cannot have been refused.
    @Test func aTokenThatWasNotThereIsToldApart() async throws {
        let nobody = try factory(Scripted { _ in HTTPResponse(status: 403) })
        let cause = try #require(await failure(of: { try await nobody.token(for: .vehicle("v1")) }))
        #expect(AuthFailure(cause) == .noToken(cause))
        let wrapped = NSError(domain: AuthFailureTests.reporter, code: 1, userInfo: [NSUnderlyingErrorKey: cause])
        #expect(AuthFailure(wrapped) == .noToken(cause))
        #expect(AuthFailure(error(TokenError.errorDomain, 7, "UNAUTHENTICATED")) == .noToken(nil))
    }

    @Test func whatHasNothingToDoWithTokensIsNothing() {
        #expect(AuthFailure(URLError(.notConnectedToInternet)) == nil)
        #expect(AuthFailure(error(AuthFailureTests.reporter, 5, "no last known location")) == nil)
    }

    @Test func reasonsWithoutEndAreGivenUp() {
        var deep = error("rpc", 16, "UNAUTHENTICATED")
        for _ in 0..<20 { deep = error(AuthFailureTests.reporter, 1, "update failed", deep) }
        #expect(AuthFailure(deep) == nil)
    }

    private func error(_ domain: String, _ code: Int, _ text: String, _ reason: NSError? = nil) -> NSError {
        var info: [String: Any] = [NSLocalizedDescriptionKey: text]
        info[NSUnderlyingErrorKey] = reason
        return NSError(domain: domain, code: code, userInfo: info)
    }
}
