extension AuthTokenFactory {
    /// A token in the form in which Google's SDKs for iOS ask for one: the whole of what a `GMTDAuthorization` or a
    /// `GMTCAuthorization` has to do. `bindings/swift/Adapters` has both.
    ///
    /// May be called on any queue. The completion is called exactly once, never before this returns, on a background
    /// queue: with the token, or with a `TokenError`, which is an `NSError` of domain `FleetToken.TokenError` there.
    public func fetchToken(
        for context: AuthTokenContext,
        completion: @escaping (_ token: String?, _ error: (any Error)?) -> Void
    ) {
        let completion = HandedOver(call: completion)
        token(for: context) { result in
            switch result {
            case .success(let token): completion.call(token.value, nil)
            case .failure(let error): completion.call(nil, error)
            }
        }
    }
}

/// An Objective-C block, which knows nothing of `Sendable`. Nothing here touches it but the one call.
private struct HandedOver: @unchecked Sendable {
    let call: (String?, (any Error)?) -> Void
}
