package dev.fleettoken.bench;

import dev.fleettoken.AuthToken;
import dev.fleettoken.AuthTokenContext;
import dev.fleettoken.TokenException;
import kotlin.coroutines.Continuation;
import kotlin.coroutines.CoroutineContext;
import kotlin.coroutines.EmptyCoroutineContext;
import org.openjdk.jmh.annotations.Benchmark;

/** What this library's callers pay when there is a good token. */
public class Hit {
    @Benchmark
    public AuthToken getToken(World world, World.Turn turn) throws TokenException {
        return world.factory.getToken(world.kept[turn.next(world.contexts)]);
    }

    @Benchmark
    public AuthToken tryToken(World world, World.Turn turn) {
        return world.factory.tryToken(world.kept[turn.next(world.contexts)]);
    }

    /** The call of a suspending function as the compiler writes it; one that does not suspend returns the token. */
    @Benchmark
    public Object token(World world, World.Turn turn) {
        return world.factory.token(world.kept[turn.next(world.contexts)], NEVER);
    }

    @Benchmark
    public AuthToken handle(World world, World.Turn turn) throws TokenException {
        return world.handles[turn.next(world.contexts)].getToken();
    }

    /** As most callers do: a context of its own for each call, from an id that is at hand. */
    @Benchmark
    public AuthToken contextEachTime(World world, World.Turn turn) throws TokenException {
        return world.factory.getToken(AuthTokenContext.vehicle(world.ids[turn.next(world.contexts)]));
    }

    private static final Continuation<AuthToken> NEVER = new Continuation<AuthToken>() {
        @Override
        public CoroutineContext getContext() {
            return EmptyCoroutineContext.INSTANCE;
        }

        @Override
        public void resumeWith(Object result) {
            throw new IllegalStateException("a hit does not suspend");
        }
    };
}
