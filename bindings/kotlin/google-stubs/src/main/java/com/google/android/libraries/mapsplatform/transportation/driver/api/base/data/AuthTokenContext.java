package com.google.android.libraries.mapsplatform.transportation.driver.api.base.data;

/** Signatures of the Driver SDK's type: what a token is for. Built here as the SDK builds it, so that tests can. */
public abstract class AuthTokenContext {
    AuthTokenContext() {}

    /** Null if the token needs no claim for a vehicle. */
    public abstract String getVehicleId();

    /** Null if the token needs no claim for a task. */
    public abstract String getTaskId();

    public static Builder builder() {
        return new Builder() {
            private String vehicleId;
            private String taskId;

            @Override
            public Builder setVehicleId(String id) {
                vehicleId = id;
                return this;
            }

            @Override
            public Builder setTaskId(String id) {
                taskId = id;
                return this;
            }

            @Override
            public AuthTokenContext build() {
                String vehicle = vehicleId;
                String task = taskId;
                return new AuthTokenContext() {
                    @Override
                    public String getVehicleId() {
                        return vehicle;
                    }

                    @Override
                    public String getTaskId() {
                        return task;
                    }
                };
            }
        };
    }

    /** Makes contexts. */
    public abstract static class Builder {
        Builder() {}

        public abstract Builder setVehicleId(String id);

        public abstract Builder setTaskId(String id);

        public abstract AuthTokenContext build();
    }

    /** What the SDK asks for tokens, on the thread that sends location updates. */
    public interface AuthTokenFactory {
        String getToken(AuthTokenContext context);
    }
}
