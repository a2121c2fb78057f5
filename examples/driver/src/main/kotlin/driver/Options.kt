package driver

import kotlin.system.exitProcess

/** What it is started with. */
class Options(
    val backend: String,
    val engine: String,
    val login: String,
    val vehicle: String,
    /** How long it drives; without an end if nobody said. */
    val seconds: Long?,
    val outage: Boolean,
) {
    companion object {
        private const val HELP =
            """A driver's app without a phone: sends where its vehicle is once a second.

  --backend URL   the token backend, or the variable FLEET_TOKEN_BACKEND
  --engine URL    Fleet Engine, or the variable FLEET_TOKEN_ENGINE
  --login TEXT    the driver's login at the backend: demo-driver-1
  --vehicle ID    vehicle_1
  --seconds N     drive for so long, then say whether all went well: 0, or else 1
  --outage        the token backend of `fleet-token serve` goes away for 5 s"""

        /** Null, and a word on the screen, if it cannot be started so. */
        fun of(args: Array<String>): Options? {
            val given = mutableMapOf<String, String>()
            val left = args.toMutableList()
            while (left.isNotEmpty()) {
                when (val name = left.removeAt(0)) {
                    "--outage" -> given[name] = ""
                    "--backend", "--engine", "--login", "--vehicle", "--seconds" ->
                        given[name] = left.removeFirstOrNull() ?: return complaint("$name wants a value")
                    "--help", "-h" -> {
                        println(HELP)
                        exitProcess(0)
                    }
                    else -> return complaint("what is $name?")
                }
            }
            val url = { option: String, variable: String -> given[option] ?: System.getenv(variable) }
            val seconds = given["--seconds"]?.let { it.toLongOrNull() ?: return complaint("--seconds wants a number") }
            return Options(
                url("--backend", "FLEET_TOKEN_BACKEND") ?: return complaint("which token backend?"),
                url("--engine", "FLEET_TOKEN_ENGINE") ?: return complaint("which Fleet Engine?"),
                given["--login"] ?: "demo-driver-1",
                given["--vehicle"] ?: "vehicle_1",
                seconds,
                "--outage" in given,
            )
        }

        private fun complaint(what: String): Options? {
            System.err.println("error: $what\n\n$HELP")
            return null
        }
    }
}
