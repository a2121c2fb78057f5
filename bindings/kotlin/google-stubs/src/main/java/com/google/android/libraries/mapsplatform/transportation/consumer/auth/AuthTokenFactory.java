package com.google.android.libraries.mapsplatform.transportation.consumer.auth;

/** Signatures of the Consumer SDK's type: what the SDK asks for tokens, on a background thread. */
public interface AuthTokenFactory {
    String getToken(AuthTokenContext context);
}
