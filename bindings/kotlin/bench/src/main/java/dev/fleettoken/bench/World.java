package dev.fleettoken.bench;

import dev.fleettoken.AuthToken;
import dev.fleettoken.AuthTokenContext;
import dev.fleettoken.AuthTokenFactory;
import dev.fleettoken.ContextKind;
import dev.fleettoken.HttpResponse;
import dev.fleettoken.TokenHandle;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A factory that has a good token for each context, and a handle on each. */
@State(Scope.Benchmark)
public class World {
    /** As long as a token of Fleet Engine's. */
    static final String TOKEN = "SECRET-TOKEN-" + String.join("", Collections.nCopies(900, "x"));

    @Param({"1", "10000"})
    public int contexts;

    public AuthTokenFactory factory;
    public String[] ids;
    public AuthTokenContext[] kept;
    public TokenHandle[] handles;

    @Setup(Level.Trial)
    public void fill() throws Exception {
        byte[] body = ("{\"token\":\"" + TOKEN + "\",\"expiresInSeconds\":3600}").getBytes(StandardCharsets.UTF_8);
        factory = AuthTokenFactory.builder()
            .endpoint(ContextKind.VEHICLE, "https://backend.test/{vehicleId}")
            .transport((request, done) -> new HttpResponse(200, Collections.emptyList(), body))
            .maxEntries(16_384)
            .build();
        ids = new String[contexts];
        kept = new AuthTokenContext[contexts];
        handles = new TokenHandle[contexts];
        for (int i = 0; i < contexts; i++) {
            ids[i] = "driver_" + (10_000 + i);
            kept[i] = AuthTokenContext.vehicle(ids[i]);
            factory.getToken(kept[i]);
            handles[i] = factory.handle(kept[i]);
        }
        long fetches = factory.stats().getFetches();
        for (AuthTokenContext context : kept) {
            AuthToken token = factory.tryToken(context);
            if (token == null || !token.getValue().equals(TOKEN)) throw new IllegalStateException("no copy");
        }
        if (fetches != contexts || factory.stats().getFetches() != fetches) throw new IllegalStateException("fetched twice");
    }

    @TearDown(Level.Trial)
    public void end() {
        if (factory.stats().getFetches() != contexts) throw new IllegalStateException("what was measured were no hits");
        for (TokenHandle handle : handles) handle.close();
        factory.close();
    }

    /** Which context a thread asks for next: one after the other, far apart. */
    @State(Scope.Thread)
    public static class Turn {
        private int at;

        int next(int among) {
            if (among == 1) return 0;
            at += 7919;
            if (at >= among) at -= among;
            return at;
        }
    }
}
