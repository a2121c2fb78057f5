package dev.fleettoken.grpc

import dev.fleettoken.AuthToken
import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenException
import io.grpc.CallCredentials
import io.grpc.Grpc
import io.grpc.Metadata
import io.grpc.SecurityLevel
import io.grpc.Status
import java.net.InetSocketAddress
import java.util.concurrent.Executor
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch

/**
 * Puts the token of one context on gRPC calls: goes into `stub.withCallCredentials`.
 *
 * Credentials do not hear what Fleet Engine answers, so that a token which it refuses is sent again until it is due
 * for renewal. [AuthTokenClientInterceptor] hears it; use these where there can be no interceptor.
 *
 * - No call waits on gRPC's threads, and none on the app's executor: a token that has to be fetched is waited for by
 *   nobody.
 * - Tokens go to the authorities that are named here, and nowhere without TLS but to this machine. Anything else ends
 *   with `INTERNAL`, and nothing is sent.
 * - Without a token a call ends with `UNAUTHENTICATED` or `PERMISSION_DENIED` (the backend refuses the app's login),
 *   `UNAVAILABLE` (asking again can help), `CANCELLED` (the factory was cleared or closed), `UNIMPLEMENTED` (Fleet
 *   Engine is switched off for this app) or `INTERNAL` (all the rest); [TokenException] is the status's cause, and
 *   says what to do.
 *
 * @param authorities as a channel's target names them, such as `fleetengine.googleapis.com`; the port is 443 unless
 *   named.
 */
public class AuthTokenCallCredentials @JvmOverloads constructor(
    private val tokens: AuthTokenFactory,
    private val context: AuthTokenContext,
    authorities: Collection<String> = listOf(AuthTokenClientInterceptor.FLEET_ENGINE),
) : CallCredentials() {
    private val authorities = Authority.all(authorities)

    /** What the last call was sent with; null if there was none. */
    @Volatile
    internal var attached: AuthToken? = null
        private set

    /** Called by gRPC. */
    override fun applyRequestMetadata(info: RequestInfo, appExecutor: Executor, applier: MetadataApplier) {
        attached = null
        val wrong = whyNot(info)
        if (wrong != null) return applier.fail(Status.INTERNAL.withDescription(wrong))
        // A good token is there before this returns.
        waiting.launch(start = CoroutineStart.UNDISPATCHED) {
            try {
                val token = tokens.token(context)
                attached = token
                applier.apply(Metadata().apply { put(AUTHORIZATION, "Bearer ${token.value}") })
            } catch (none: TokenException) {
                applier.fail(none.asStatus())
            } catch (thrown: RuntimeException) {
                // gRPC's own, where there is no stream to be had. Else the call would never end.
                applier.fail(Status.INTERNAL.withDescription("the call could not be sent").withCause(thrown))
            }
        }
    }

    private fun whyNot(info: RequestInfo): String? {
        val authority = Authority.of(info.authority)
        return when {
            authority !in authorities -> "$authority is none of the authorities that tokens are for: $authorities"
            !isSafe(info) -> "a token goes to $authority over TLS only"
            else -> null
        }
    }

    private fun isSafe(info: RequestInfo): Boolean {
        val peer = info.transportAttrs.get(Grpc.TRANSPORT_ATTR_REMOTE_ADDR) as? InetSocketAddress
        return info.securityLevel == SecurityLevel.PRIVACY_AND_INTEGRITY || peer?.address?.isLoopbackAddress == true
    }

    override fun toString(): String = "AuthTokenCallCredentials($context, $authorities)"

    internal companion object {
        val AUTHORIZATION: Metadata.Key<String> = Metadata.Key.of("Authorization", Metadata.ASCII_STRING_MARSHALLER)

        // A supervisor's, so that a call that breaks ends itself only.
        private val waiting = CoroutineScope(SupervisorJob() + Dispatchers.Default)
    }
}
