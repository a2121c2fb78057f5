package dev.fleettoken

/** The default transport keeps the contract of them all. */
class HttpUrlConnectionTransportTest : TransportContract() {
    override val transport: HttpTransport = HttpUrlConnectionTransport()
}
