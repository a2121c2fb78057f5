package dev.fleettoken;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** What an app in Java sees: names, checked exceptions, and nulls that Kotlin would not let through. */
class JavaCallerTest {
    private static final HttpTransport TRANSPORT = (request, waiting) -> new HttpResponse(
            200,
            Collections.emptyList(),
            "{\"token\":\"SECRET-TOKEN-1\",\"expiresInSeconds\":3600}".getBytes(StandardCharsets.UTF_8));

    private static AuthTokenFactory factory(HttpTransport transport) {
        return AuthTokenFactory.builder()
                .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
                .sessionHeaders((context, waiting) -> Collections.singletonMap("Authorization", "Bearer SECRET-SESSION-1"))
                .safetyMargin(10, TimeUnit.MINUTES)
                .maxAttempts(1)
                .transport(transport)
                .build();
    }

    @Test
    void aTokenIsHadAndReportedFromJava() throws TokenException {
        AuthTokenContext vehicle = AuthTokenContext.vehicle("v1");
        try (AuthTokenFactory factory = factory(TRANSPORT); TokenHandle handle = factory.handle(vehicle)) {
            AuthToken token = factory.getToken(vehicle);
            assertEquals("SECRET-TOKEN-1", token.getValue());
            assertEquals(token, factory.tryToken(vehicle));
            assertEquals(token, handle.getToken());
            assertTrue(token.getRemainingMillis() <= 3_600_000);
            assertTrue(factory.invalidate(vehicle, token));
            TokenException refused = assertThrows(TokenException.BadToken.class, () -> factory.getToken(vehicle));
            assertEquals(TokenErrorKind.REJECTED_TOKEN_RETURNED, refused.getKind());
            assertNull(refused.getStatus());
        }
    }

    @Test
    void checkedExceptionsMayBeThrownFromJava() {
        AuthTokenFactoryBuilder builder = AuthTokenFactory.builder()
                .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
                .maxAttempts(1)
                .transport((request, waiting) -> {
                    throw new TransportException(TransportException.Kind.TIMEOUT, "too slow");
                });
        try (AuthTokenFactory factory = builder.build()) {
            TokenException error =
                    assertThrows(TokenException.Network.class, () -> factory.getToken(AuthTokenContext.vehicle("v1")));
            assertTrue(error.isRetryable());
            assertNull(error.getRetryAfterMillis());
        }
        builder.sessionHeaders((context, waiting) -> {
            throw new SignedOutException();
        });
        try (AuthTokenFactory factory = builder.build()) {
            TokenException error =
                    assertThrows(TokenException.SignIn.class, () -> factory.getToken(AuthTokenContext.vehicle("v1")));
            assertEquals("SESSION", error.getKind().toString());
        }
    }

    @Test
    void aNullIsToldByItsNameAndNothingIsSent() {
        HttpTransport nothing = (request, waiting) -> {
            throw new AssertionError("nothing is sent");
        };
        try (AuthTokenFactory factory = factory(nothing)) {
            isNull("context", () -> factory.getToken(null));
            isNull("context", () -> factory.tryToken(null));
            isNull("context", () -> factory.token(null, null));
            isNull("context", () -> factory.handle(null));
            isNull("token", () -> factory.invalidate(AuthTokenContext.vehicle("v1"), null));
            isNull("id", () -> AuthTokenContext.vehicle(null));
            isNull("provider", () -> AuthTokenFactory.builder().sessionHeaders(null));
            isNull("transport", () -> AuthTokenFactory.builder().transport(null));
            assertThrows(TokenException.Misuse.class, () -> factory.getToken(new AuthTokenContext()));
            assertEquals(0, factory.stats().getFetches());
        }
    }

    private static void isNull(String name, Executable call) {
        NullPointerException thrown = assertThrows(NullPointerException.class, call);
        assertTrue(thrown.getMessage().contains(name), thrown.getMessage());
    }

    @Test
    void aTransportOrALoginThatAnswersNullIsATypedError() {
        for (HttpTransport bad : new HttpTransport[] {
            (request, waiting) -> null,
            (request, waiting) -> new HttpResponse(200, Collections.singletonList(null), new byte[0]),
        }) {
            try (AuthTokenFactory factory = factory(bad)) {
                TokenException error =
                        assertThrows(TokenException.Network.class, () -> factory.getToken(AuthTokenContext.vehicle("v1")));
                assertEquals(TokenErrorKind.TRANSPORT, error.getKind());
                assertFalse(error.toString().contains("SECRET"));
            }
        }
    }
}
