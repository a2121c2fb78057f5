package dev.fleettoken

import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.withContext

/**
 * Threads for the app's code, its transport and its login, which may block them.
 *
 * Beyond those of `Dispatchers.Default` and `Dispatchers.IO`, which a view of limited parallelism does not use up:
 * callers who block in `getToken` may hold every one of those, and then nobody could answer them.
 */
internal val appsThreads: CoroutineDispatcher = Dispatchers.IO.limitedParallelism(64)

/** The same for what ends an exchange in time, which must not wait for one of those that it is to free. */
internal val watchThreads: CoroutineDispatcher = Dispatchers.IO.limitedParallelism(2)

internal suspend fun <T> inAppsThreads(call: suspend () -> T): T = withContext(appsThreads) { call() }
