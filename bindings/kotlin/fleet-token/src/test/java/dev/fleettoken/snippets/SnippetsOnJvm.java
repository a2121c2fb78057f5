package dev.fleettoken.snippets;

import dev.fleettoken.AuthToken;
import dev.fleettoken.AuthTokenContext;
import dev.fleettoken.AuthTokenFactory;
import dev.fleettoken.ContextKind;
import dev.fleettoken.SignedOutException;
import dev.fleettoken.TokenException;
import java.util.Collections;
import java.util.concurrent.TimeUnit;

/** The Java of README.md, compiled. JavaCallerTest runs such code. */
abstract class SnippetsOnJvm {
    void use() {
        AuthTokenFactory tokens = AuthTokenFactory.builder()
                .endpoint(ContextKind.VEHICLE, "https://backend.example.com/token/driver/{vehicleId}")
                .sessionHeaders((context, waiting) -> { // may block; `waiting` is Kotlin's, and of no use here
                    if (session == null) throw new SignedOutException();
                    return Collections.singletonMap("Authorization", "Bearer " + session);
                })
                .safetyMargin(10, TimeUnit.MINUTES)
                .build();
        try {
            AuthToken token = tokens.getToken(AuthTokenContext.vehicle("driver_12345"));
            send("Bearer " + token.getValue());
        } catch (TokenException failure) {
            report(failure.getKind(), failure.isRetryable(), failure.getRetryAfterMillis());
        }
    }

    private String session;

    abstract void send(String authorization);

    abstract void report(Object kind, boolean retryable, Long retryAfterMillis);
}
