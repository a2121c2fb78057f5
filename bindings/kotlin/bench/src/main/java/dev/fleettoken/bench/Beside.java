package dev.fleettoken.bench;

import dev.fleettoken.AuthTokenFactory;
import dev.fleettoken.ffi.FfiTokenContext;
import dev.fleettoken.ffi.FfiTokenFactoryInterface;
import java.lang.reflect.Field;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** What a hit is measured beside: what others do, and what nobody can do without. */
public class Beside {
    /** Google's sample. */
    @Benchmark
    public String sample(OneSlot slot) {
        return slot.getToken("driver_10000");
    }

    /** The generated binding, called each time: what this library's hit would be without copies. */
    @Benchmark
    public Object crossing(Generated generated) {
        return generated.factory.tryToken(generated.context);
    }

    /** The same, by the call that may wait. */
    @Benchmark
    public Object crossingBlocking(Generated generated) throws Exception {
        return generated.factory.tokenBlocking(generated.context);
    }

    /** The wall clock, read once, as the sample does. */
    @Benchmark
    public long wallClock() {
        return System.currentTimeMillis();
    }

    /** The clock that cannot be set, read once. */
    @Benchmark
    public long nanoTime() {
        return System.nanoTime();
    }

    /** The core of a factory that has one token, without its wrapper. */
    @State(Scope.Benchmark)
    public static class Generated {
        final FfiTokenContext context = new FfiTokenContext("driver_10000", null, null, null, null, null);
        FfiTokenFactoryInterface factory;

        @Setup(Level.Trial)
        public void take(World world) throws Exception {
            Field inside = AuthTokenFactory.class.getDeclaredField("native");
            inside.setAccessible(true);
            factory = (FfiTokenFactoryInterface) inside.get(world.factory);
        }
    }
}
