package dev.fleettoken.android;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import com.sun.net.httpserver.HttpServer;
import dev.fleettoken.AuthToken;
import dev.fleettoken.AuthTokenContext;
import dev.fleettoken.AuthTokenFactory;
import dev.fleettoken.ContextKind;
import dev.fleettoken.SignedOutException;
import dev.fleettoken.TokenErrorKind;
import dev.fleettoken.TokenException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import org.junit.Test;

/** An app in Java: what it writes compiles, and works over real HTTP. */
public class FromJavaTest {
    private volatile String login = "SECRET-SESSION-1";

    @Test
    public void anAppInJavaGetsItsTokens() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            boolean known = ("Bearer " + login).equals(exchange.getRequestHeaders().getFirst("Authorization"));
            byte[] body = "{\"token\":\"SECRET-TOKEN-1\",\"expiresInSeconds\":3600}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(known ? 200 : 401, body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        });
        server.start();
        AuthTokenFactory tokens =
                AuthTokenFactory.builder()
                        .endpoint(ContextKind.VEHICLE, "http://127.0.0.1:" + server.getAddress().getPort() + "/{vehicleId}")
                        .allowHttpLoopback()
                        .sessionHeaders(new BlockingSessionHeaders(context -> {
                            if (login == null) throw new SignedOutException();
                            return Collections.singletonMap("Authorization", "Bearer " + login);
                        }))
                        .build();
        try {
            AuthTokenContext vehicle = AuthTokenContext.vehicle("v1");
            AsyncTokens async = new AsyncTokens(tokens, Runnable::run);
            assertEquals("SECRET-TOKEN-1", async.token(vehicle).get(30, TimeUnit.SECONDS).getValue());
            AuthToken lasting = async.tokenValidFor(vehicle, 10, TimeUnit.MINUTES).get(30, TimeUnit.SECONDS);
            assertTrue(lasting.getRemainingMillis() > 0);

            CompletableFuture<AuthToken> told = new CompletableFuture<>();
            async.token(vehicle, new TokenCallback() {
                @Override
                public void onToken(AuthToken token) {
                    told.complete(token);
                }

                @Override
                public void onFailure(TokenException failure) {
                    told.completeExceptionally(failure);
                }
            });
            assertEquals(lasting.getValue(), told.get(30, TimeUnit.SECONDS).getValue());

            login = null;
            tokens.clear();
            try {
                async.token(vehicle).get(30, TimeUnit.SECONDS);
                throw new AssertionError("signed out");
            } catch (ExecutionException none) {
                TokenException failure = (TokenException) none.getCause();
                assertEquals(TokenErrorKind.SESSION, failure.getKind());
                assertFalse(failure.isRetryable());
            }
        } finally {
            tokens.close();
            server.stop(0);
        }
    }
}
