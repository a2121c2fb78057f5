import Foundation

/// What an error of Google's SDKs says about the token that was used, such as one of
/// `vehicleReporter(_:didFail:withError:)`.
public enum AuthFailure: Sendable, Equatable {
    /// There was no token to send. Why, unless the SDK passed on a copy of the error, without its type.
    case noToken(TokenError?)
    /// Fleet Engine does not accept the token: UNAUTHENTICATED. Another one may help.
    case unauthenticated
    /// The token is good, but not for this id, role or project: PERMISSION_DENIED. Another one would be the same.
    case permissionDenied

    /// Looks through the error and its underlying ones; `nil` if none of them speaks of tokens.
    ///
    /// Google documents no code for either refusal, only that the reason is a text in an underlying error. So this looks for
    /// the names of gRPC's two codes in the texts, and for their numbers in errors of gRPC's own domain.
    public init?(_ error: any Error) {
        var next: (any Error)? = error
        // Errors that name each other as their reason must not hold this for ever.
        for _ in 0..<8 {
            guard let error = next else { return nil }
            // Before it is looked at as an NSError, which outside of Apple's systems forgets the type.
            if let error = error as? TokenError {
                self = .noToken(error)
                return
            }
            let seen = error as NSError
            let code = seen.domain == "io.grpc" ? seen.code : nil
            if seen.domain == TokenError.errorDomain {
                self = .noToken(nil)
                return
            } else if code == 16 || seen.localizedDescription.contains("UNAUTHENTICATED") {
                self = .unauthenticated
                return
            } else if code == 7 || seen.localizedDescription.contains("PERMISSION_DENIED") {
                self = .permissionDenied
                return
            }
            next = seen.userInfo[NSUnderlyingErrorKey] as? any Error
        }
        return nil
    }
}
