package dev.fleettoken.bench;

import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/**
 * What the samples for Google's Driver and Consumer SDKs do, and what apps copy: one token, one id, one expiry in three
 * plain fields, ten minutes of margin, the wall clock. No lock: two threads with two ids may be given each other's.
 */
@State(Scope.Benchmark)
public class OneSlot {
    private static final long MARGIN_MS = 10 * 60 * 1000;
    private static final long LIFE_MS = 60 * 60 * 1000;

    private String token;
    private long expiryMs;
    private String id;

    public String getToken(String asked) {
        boolean isGood = token != null && System.currentTimeMillis() <= expiryMs - MARGIN_MS && asked.equals(id);
        if (!isGood) fetch(asked);
        return token;
    }

    /** Never slower than a real one: there is no backend. */
    private void fetch(String asked) {
        token = World.TOKEN;
        expiryMs = System.currentTimeMillis() + LIFE_MS;
        id = asked;
    }
}
