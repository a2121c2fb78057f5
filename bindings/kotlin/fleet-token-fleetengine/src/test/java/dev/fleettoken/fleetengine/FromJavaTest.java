package dev.fleettoken.fleetengine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenFactory;
import com.google.android.libraries.mapsplatform.transportation.driver.api.base.data.AuthTokenContext;
import com.sun.net.httpserver.HttpServer;
import dev.fleettoken.ContextKind;
import dev.fleettoken.TokenErrorKind;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** An app in Java, with names of Google's that are also ours, over real HTTP. */
class FromJavaTest {
    @Test
    void anAppInJavaHandsBothSdksTheirFactories() throws Exception {
        AtomicInteger fetches = new AtomicInteger();
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", exchange -> {
            fetches.incrementAndGet();
            byte[] body = "{\"token\":\"SECRET-TOKEN-1\",\"expiresInSeconds\":3600}".getBytes(StandardCharsets.UTF_8);
            exchange.sendResponseHeaders(200, body.length);
            try (OutputStream out = exchange.getResponseBody()) {
                out.write(body);
            }
        });
        server.start();
        String base = "http://127.0.0.1:" + server.getAddress().getPort();
        ScheduledExecutorService location = Executors.newSingleThreadScheduledExecutor();
        try (dev.fleettoken.AuthTokenFactory tokens =
                dev.fleettoken.AuthTokenFactory.builder()
                        .endpoint(ContextKind.VEHICLE, base + "/token/driver/{vehicleId}")
                        .allowHttpLoopback()
                        .build()) {
            AuthTokenContext.AuthTokenFactory driver = DriverTokenFactory.onDemand(tokens);
            AuthTokenContext context = AuthTokenContext.builder().setVehicleId("v1").build();
            Set<String> got = new HashSet<>();
            CountDownLatch updates = new CountDownLatch(20);
            location.scheduleAtFixedRate(
                    () -> {
                        got.add(driver.getToken(context));
                        updates.countDown();
                    },
                    0, 5, TimeUnit.MILLISECONDS);
            updates.await(60, TimeUnit.SECONDS);
            location.shutdown();
            location.awaitTermination(20, TimeUnit.SECONDS);
            assertEquals(1, got.size());
            assertEquals(1, fetches.get());

            AuthTokenFactory consumer = new ConsumerTokenFactory(tokens);
            NoTokenException none = assertThrows(NoTokenException.class, () -> consumer.getToken(null));
            assertEquals(TokenErrorKind.NO_ENDPOINT, none.getCause().getKind());
        } finally {
            location.shutdownNow();
            server.stop(0);
        }
    }
}
