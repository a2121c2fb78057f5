package com.google.android.libraries.mapsplatform.transportation.consumer.auth;

/** Signatures of the Consumer SDK's type: what a token is for. Built here as the SDK builds it, so that tests can. */
public abstract class AuthTokenContext {
    AuthTokenContext() {}

    /** Null for the vehicle service, whose tokens need no claim for a trip. */
    public abstract String getTripId();

    public static Builder builder() {
        return new Builder() {
            private String tripId;

            @Override
            public Builder setTripId(String id) {
                tripId = id;
                return this;
            }

            @Override
            public AuthTokenContext build() {
                String trip = tripId;
                return new AuthTokenContext() {
                    @Override
                    public String getTripId() {
                        return trip;
                    }
                };
            }
        };
    }

    /** Makes contexts. */
    public abstract static class Builder {
        Builder() {}

        public abstract Builder setTripId(String id);

        public abstract AuthTokenContext build();
    }
}
