@file:Suppress("unused")

package dev.fleettoken.grpc

import dev.fleettoken.AuthTokenContext
import dev.fleettoken.AuthTokenFactory
import dev.fleettoken.TokenException
import io.grpc.CallOptions
import io.grpc.Channel
import io.grpc.ManagedChannelBuilder
import io.grpc.StatusRuntimeException
import io.grpc.stub.AbstractBlockingStub

// The gRPC of docs/android.md, compiled. The stub is one of those that are generated from Google's protos.

private class VehicleServiceBlockingStub(channel: Channel, options: CallOptions) :
    AbstractBlockingStub<VehicleServiceBlockingStub>(channel, options) {
    override fun build(channel: Channel, options: CallOptions) = VehicleServiceBlockingStub(channel, options)

    fun getVehicle(request: ByteArray) = request
}

private object VehicleServiceGrpc {
    fun newBlockingStub(channel: Channel) = VehicleServiceBlockingStub(channel, CallOptions.DEFAULT)
}

private class Vehicles(private val tokens: AuthTokenFactory, private val request: ByteArray) {
    // snippet: grpc
    val channel = ManagedChannelBuilder.forTarget(AuthTokenClientInterceptor.FLEET_ENGINE)
        .intercept(AuthTokenClientInterceptor(tokens))
        .build()
    val vehicles = VehicleServiceGrpc.newBlockingStub(channel)

    fun look(id: String) = try {
        vehicles.withOption(AuthTokenClientInterceptor.CONTEXT, AuthTokenContext.vehicle(id)).getVehicle(request)
    } catch (failed: StatusRuntimeException) {
        val noToken = failed.status.cause as? TokenException // null if it is Fleet Engine's word
        throw noToken ?: failed
    }
    // end
}
