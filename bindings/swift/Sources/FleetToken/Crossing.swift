// What crosses to the core and back, one conversion each.

import Foundation
internal import FleetTokenFFI

extension TimeInterval {
    init(crossedMs: UInt64) {
        self = Double(crossedMs) / 1000
    }

    /// Whole milliseconds, rounded. What is negative or no number is none; what is too long is the longest there is.
    var crossingMs: UInt64 {
        let ms = (self * 1000).rounded()
        if ms.isNaN || ms <= 0 { return 0 }
        return UInt64(exactly: ms) ?? .max
    }
}

extension AuthTokenContext {
    init(_ context: FfiTokenContext) {
        self.init(
            vehicleID: context.vehicleId,
            tripID: context.tripId,
            deliveryVehicleID: context.deliveryVehicleId,
            taskID: context.taskId,
            trackingID: context.trackingId,
            serviceType: context.serviceType.map(ServiceType.init)
        )
    }

    func crossing() -> FfiTokenContext {
        FfiTokenContext(
            vehicleId: vehicleID,
            tripId: tripID,
            deliveryVehicleId: deliveryVehicleID,
            taskId: taskID,
            trackingId: trackingID,
            serviceType: serviceType.map { $0.crossing() }
        )
    }
}

extension AuthTokenContext.ServiceType {
    init(_ service: FfiServiceType) {
        switch service {
        case .vehicle: self = .vehicle
        case .trip: self = .trip
        case .deliveryVehicle: self = .deliveryVehicle
        case .task: self = .task
        case .fleet: self = .fleet
        }
    }

    func crossing() -> FfiServiceType {
        switch self {
        case .vehicle: .vehicle
        case .trip: .trip
        case .deliveryVehicle: .deliveryVehicle
        case .task: .task
        case .fleet: .fleet
        }
    }
}

extension AuthTokenContext.Kind {
    func crossing() -> FfiContextKind {
        switch self {
        case .vehicle: .vehicle
        case .trip: .trip
        case .deliveryVehicle: .deliveryVehicle
        case .deliveryVehicleTask: .deliveryVehicleTask
        case .task: .task
        case .tracking: .tracking
        case .vehicleService: .vehicleService
        case .fleet: .fleet
        }
    }
}

extension TokenConfiguration {
    func crossing() -> FfiConfig {
        FfiConfig(
            endpoints: endpoints.map {
                FfiEndpoint(kind: $0.kind?.crossing(), template: $0.template, method: $0.method == .post ? .post : .get)
            },
            presets: presets.map {
                switch $0 {
                case .onDemandStubProvider(let baseURL): .onDemandStubProvider(baseUrl: baseURL)
                case .lastMileBackend(let baseURL): .lastMileBackend(baseUrl: baseURL)
                }
            },
            allowHttpLoopback: allowHTTPLoopback,
            responseFields: responseFields.map {
                FfiResponseFields(token: $0.token, expiresAt: $0.expiresAt, expiresIn: $0.expiresIn)
            },
            safetyMarginMs: safetyMargin?.crossingMs,
            refreshAheadMs: refreshAhead?.crossingMs,
            minValidityMs: minValidity?.crossingMs,
            maxLifetimeMs: maxLifetime?.crossingMs,
            unknownLifetimeMs: unknownLifetime?.crossingMs,
            scopeCheck: scopeCheck.map { $0 == .strict ? .strict : .warn },
            fetchDeadlineMs: fetchDeadline?.crossingMs,
            attemptTimeoutMs: attemptTimeout?.crossingMs,
            maxAttempts: maxAttempts.map { UInt32(clamping: $0) },
            maxEntries: maxEntries.map { UInt32(clamping: $0) },
            maxConcurrentFetches: maxConcurrentFetches.map { UInt32(clamping: $0) }
        )
    }
}

extension HTTPHeader {
    func crossing() -> FfiHeader { FfiHeader(name: name, value: value) }
}

extension HTTPRequest {
    init(_ request: FfiHttpRequest) {
        self.init(
            method: request.method == .post ? .post : .get,
            url: request.url,
            headers: request.headers.map { HTTPHeader($0.name, $0.value) },
            body: request.body,
            timeout: TimeInterval(crossedMs: request.timeoutMs),
            maxBody: Int(clamping: request.maxBody)
        )
    }
}

extension TransportError {
    func crossing() -> FfiTransportError {
        switch self {
        case .connect(let detail): .Connect(detail: detail)
        case .tls(let detail): .Tls(detail: detail)
        case .timeout: .Timeout
        case .interrupted: .Interrupted
        case .request(let detail): .Request(detail: detail)
        case .other(let detail): .Other(detail: detail)
        }
    }
}

extension TokenStats {
    init(_ stats: FfiStats) {
        self.init(
            calls: stats.calls,
            hits: stats.hits,
            waits: stats.waits,
            refusals: stats.refusals,
            notReady: stats.notReady,
            staleServed: stats.staleServed,
            fetches: stats.fetches,
            flights: stats.flights,
            backgroundFlights: stats.backgroundFlights,
            successes: stats.successes,
            failures: stats.failures,
            rejections: stats.rejections,
            evictions: stats.evictions,
            entries: stats.entries
        )
    }
}

extension TokenError {
    /// For what cannot be told better: the core did not answer as it should.
    static let interrupted = TokenError(
        kind: .interrupted, underlying: nil, isRetryable: true, retryAfter: nil, status: nil,
        description: "the call was cut short"
    )

    init(_ failure: FfiFailure) {
        self.init(
            kind: Kind(failure.kind),
            underlying: failure.underlying.map(Kind.init),
            isRetryable: failure.retryable,
            retryAfter: failure.retryAfterMs.map { TimeInterval(crossedMs: $0) },
            status: failure.status.map(Int.init),
            description: failure.description
        )
    }

    /// The core's error as this one; cancellation as Swift's own.
    private static func translated(_ error: any Error) -> any Error {
        guard case FfiTokenError.Failed(let failure)? = error as? FfiTokenError else { return TokenError.interrupted }
        return failure.kind == .cancelled ? CancellationError() : TokenError(failure)
    }

    static func rethrown<T>(_ work: () throws -> T) throws -> T {
        do { return try work() } catch { throw translated(error) }
    }

    static func rethrown<T>(_ work: () async throws -> T) async throws -> T {
        do { return try await work() } catch { throw translated(error) }
    }
}

extension TokenError.Kind {
    init(_ kind: FfiTokenErrorKind) {
        switch kind {
        case .invalidContext: self = .invalidContext
        case .noEndpoint: self = .noEndpoint
        case .session: self = .session
        case .transport: self = .transport
        case .timeout: self = .timeout
        case .unavailable: self = .unavailable
        case .sessionRejected: self = .sessionRejected
        case .notFound: self = .notFound
        case .rejected: self = .rejected
        case .redirected: self = .redirected
        case .badResponse: self = .badResponse
        case .disabled: self = .disabled
        case .expiredOnArrival: self = .expiredOnArrival
        case .scopeMismatch: self = .scopeMismatch
        case .rejectedTokenReturned: self = .rejectedTokenReturned
        case .backingOff: self = .backingOff
        case .tooManyRejections: self = .tooManyRejections
        case .lifetimeTooShort: self = .lifetimeTooShort
        case .cleared: self = .cleared
        case .shutDown: self = .shutDown
        case .invalidConfig: self = .invalidConfiguration
        // The others cannot come here: there is no blocking call and no fetcher, and a cancelled call throws Swift's own.
        case .interrupted, .blockingInAsync, .fetcher, .cancelled: self = .interrupted
        }
    }
}

extension TokenEvent {
    init(_ event: FfiTokenEvent) {
        let of = { (context: FfiTokenContext) in AuthTokenContext(context) }
        let seconds = { (ms: UInt64) in TimeInterval(crossedMs: ms) }
        switch event {
        case .fetchStarted(let context, let background):
            self = .fetchStarted(context: of(context), background: background)
        case .attemptFailed(let context, let attempt, let failure, let nextInMs):
            self = .attemptFailed(
                context: of(context), attempt: Int(attempt), error: TokenError(failure), next: seconds(nextInMs))
        case .fetched(let context, let lifetimeMs, let generation, let attempts):
            self = .fetched(
                context: of(context), lifetime: lifetimeMs.map(seconds), generation: generation, attempts: Int(attempts)
            )
        case .fetchFailed(let context, let failure, let retryInMs):
            self = .fetchFailed(context: of(context), error: TokenError(failure), retry: seconds(retryInMs))
        case .staleServed(let context, let leftMs):
            self = .staleServed(context: of(context), left: seconds(leftMs))
        case .rejected(let context):
            self = .rejected(context: of(context))
        case .breakerTripped(let context):
            self = .breakerTripped(context: of(context))
        case .lifetimeClamped(let context, let claimedMs, let usedMs):
            self = .lifetimeClamped(context: of(context), claimed: seconds(claimedMs), used: seconds(usedMs))
        case .scopeWarning(let context, let description):
            self = .scopeWarning(context: of(context), description: description)
        case .clockSkew(let context, let byMs, let deviceAhead):
            self = .clockSkew(context: of(context), by: seconds(byMs), deviceAhead: deviceAhead)
        case .evicted(let context, let wasValid):
            self = .evicted(context: of(context), wasValid: wasValid)
        case .cleared:
            self = .cleared
        case .networkAvailable(let endedBackoffs):
            self = .networkAvailable(endedBackoffs: Int(endedBackoffs))
        case .sessionChanged(let endedRefusals):
            self = .sessionChanged(endedRefusals: Int(endedRefusals))
        case .shutDown:
            self = .shutDown
        case .missed(let count):
            self = .missed(count: count)
        }
    }
}
