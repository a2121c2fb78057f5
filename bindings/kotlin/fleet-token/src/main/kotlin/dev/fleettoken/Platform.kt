package dev.fleettoken

import java.lang.reflect.Method

/** What differs between Android and a plain JVM. Android is asked by reflection, so that one artifact serves both. */
internal class Platform(
    val clock: CopyClock,
    /** Whether this thread is the one that draws and must not wait. */
    val isMainThread: () -> Boolean,
) {
    companion object {
        val here: Platform by lazy { of { name -> Class.forName(name) } }

        /** The platform whose classes `find` finds. */
        fun of(find: (String) -> Class<*>): Platform {
            val clock = android { staticMethod(find("android.os.SystemClock"), "elapsedRealtime") }
            val main = android { staticMethod(find("android.os.Looper"), "getMainLooper") }
            val mine = android { staticMethod(find("android.os.Looper"), "myLooper") }
            return Platform(
                clock = if (clock == null) JvmClock() else CoreClock { clock.invoke(null) as Long },
                isMainThread = {
                    val looper = mine?.invoke(null)
                    looper != null && looper === main?.invoke(null)
                },
            )
        }

        private fun staticMethod(type: Class<*>, name: String): Method =
            // Called once to try: the android.jar of local unit tests has these and throws from them.
            type.getMethod(name).also { it.invoke(null) }

        private fun android(method: () -> Method): Method? =
            try {
                method()
            } catch (_: ReflectiveOperationException) {
                null
            } catch (_: LinkageError) {
                null
            }
    }
}
