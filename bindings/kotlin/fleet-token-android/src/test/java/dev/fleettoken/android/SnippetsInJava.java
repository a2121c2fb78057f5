package dev.fleettoken.android;

import com.google.android.libraries.mapsplatform.transportation.driver.api.base.data.AuthTokenContext;
import dev.fleettoken.AuthToken;
import dev.fleettoken.AuthTokenFactory;
import dev.fleettoken.ContextKind;
import dev.fleettoken.SignedOutException;
import dev.fleettoken.TokenException;
import dev.fleettoken.fleetengine.ConsumerTokenFactory;
import dev.fleettoken.fleetengine.DriverTokenFactory;
import java.util.Collections;

/** The Java of docs/android.md, compiled. */
abstract class SnippetsInJava {
    void wire() {
        // snippet: java-factory
        AuthTokenFactory tokens = AuthTokenFactory.builder()
                .endpoint(ContextKind.VEHICLE, "https://backend.example.com/token/driver/{vehicleId}")
                .sessionHeaders(new BlockingSessionHeaders(context -> {
                    if (session == null) throw new SignedOutException();
                    return Collections.singletonMap("Authorization", "Bearer " + session);
                }))
                .build();
        // end

        // snippet: java-sdks
        setAuthTokenFactory(DriverTokenFactory.onDemand(tokens)); // of DriverContext.Builder
        initialize(new ConsumerTokenFactory(tokens));             // of ConsumerApi
        // end

        // snippet: java-callback
        new AsyncTokens(tokens).token(dev.fleettoken.AuthTokenContext.vehicle("vehicle_1"), new TokenCallback() {
            @Override public void onToken(AuthToken token) { load("Bearer " + token.getValue()); }
            @Override public void onFailure(TokenException failure) { showError(failure.isRetryable()); }
        });
        // end
    }

    private String session;

    abstract void setAuthTokenFactory(AuthTokenContext.AuthTokenFactory factory);

    abstract void initialize(
            com.google.android.libraries.mapsplatform.transportation.consumer.auth.AuthTokenFactory factory);

    abstract void load(String authorization);

    abstract void showError(boolean retry);
}
