package dev.fleettoken.scenarios

import com.google.gson.JsonElement
import com.google.gson.JsonParser
import dev.fleettoken.TokenErrorKind
import dev.fleettoken.TokenException
import java.util.concurrent.TimeUnit
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.async
import kotlinx.coroutines.launch

/** A scenario file, and what came of it here. */
internal class Scenario(text: String) {
    private val json = JsonParser.parseString(text).strict("scenario")
    val name: String = json.text("name") ?: complain("a scenario has a name")
    val promise: String = json.text("promise") ?: complain("a scenario has a promise")
    val rule: String = json.text("rule") ?: complain("a scenario has a rule")
    private val needs = json.list("needs")?.map { it.text("needs") } ?: emptyList()

    /** A promise that the core is known to break: not run here. */
    val isDeviation: Boolean = json.text("deviation") != null
    private val config = json.obj("config")
    private val mustBeRefused = json.yes("config_refused")
    private val deviceAheadMs =
        json.obj("clock")?.let { clock -> (clock.long("device_ahead_of_server_ms") ?: 0).also { clock.end() } } ?: 0
    private val replies = json.list("replies")?.map(::Reply) ?: emptyList()
    private val steps = json.list("steps") ?: emptyList()

    init {
        json.end()
        (needs - "handle").forEach { complain("nothing is called $it that a face could lack") }
    }

    /** Throws a [Complaint] unless everything is as promised. */
    fun play() {
        val world =
            try {
                World(config, deviceAheadMs, replies)
            } catch (refused: TokenException) {
                if (mustBeRefused && refused.kind == TokenErrorKind.INVALID_CONFIG) return
                complain("the configuration was refused: ${refused.message}")
            }
        world.use {
            if (mustBeRefused) complain("the configuration was accepted")
            Player(it).play(steps)
        }
    }
}

@OptIn(ExperimentalCoroutinesApi::class)
internal class Player(private val world: World) {
    private val look = Look(world)

    fun play(steps: List<JsonElement>) {
        all(steps, "")
        atTheEnd()
    }

    private fun all(steps: List<JsonElement>, prefix: String) {
        steps.forEachIndexed { index, element ->
            val place = "$prefix${index + 1}"
            val step = element.strict("step")
            val action = step.keys.singleOrNull() ?: complain("a step has one key")
            val repeat = step.obj("repeat")
            if (repeat != null) {
                val (times, inner) = repeat.long("times") to repeat.list("steps")
                repeat.end()
                for (round in 1..(times ?: complain("repeat has times"))) {
                    all(inner ?: complain("repeat has steps"), "$place round $round step ")
                }
                return@forEachIndexed
            }
            val problem =
                try {
                    act(action, step[action]!!)
                    null
                } catch (complaint: Complaint) {
                    complaint.message
                }
            // Another problem than the one that was looked for is most likely its cause.
            (world.wire.complaint ?: problem)?.let { found ->
                val shown = element.toString().takeUnless { "SECRET-" in it } ?: "(not shown)"
                complain("step $place $shown: $found")
            }
        }
    }

    private fun act(action: String, argument: JsonElement) {
        val factory = world.factory
        when (action) {
            "note" -> argument.text("note")
            "call" -> return call(argument.strict("call"))
            "expect_call" -> {
                collect()
                return look.calls(argument.strict("expect_call"))
            }
            "cancel" -> return cancel(argument.strict("cancel"))
            // Not looked at whether something is due inside the jump: here a reply that nobody waits for sleeps on.
            "advance_ms" -> world.clock.advanceMs(argument.long(action).toULong())
            "suspend_ms" -> world.clock.suspendMs(argument.long(action).toULong())
            "step_wall_ms" -> {
                if (argument.long(action) % 1000 != 0L) complain("the wall clock is stepped by whole seconds")
                world.clock.stepWallMs(argument.long(action))
            }
            "invalidate" -> invalidate(argument.strict("invalidate"))
            "clear" -> onlyTrue(action, argument) { factory.clear() }
            "network_available" -> onlyTrue(action, argument) { factory.networkAvailable() }
            "session_changed" -> onlyTrue(action, argument) { factory.sessionChanged() }
            "prefetch" -> factory.prefetch(argument.asJsonArray.map(::context))
            "shutdown" -> onlyTrue(action, argument) { shutdown() }
            "session" -> (world.login ?: complain("the factory was built without a login")).set(argument)
            "expect" -> {
                collect()
                return look.world(argument.strict("expect"))
            }
            else -> complain("no step is called $action")
        }
        collect()
    }

    private fun onlyTrue(action: String, argument: JsonElement, act: () -> Unit) {
        if (!argument.bool(action)) complain("$action is true")
        act()
    }

    private fun shutdown() {
        val ending = world.scope.launch(start = CoroutineStart.UNDISPATCHED) { world.factory.shutdown() }
        world.settle()
        if (!ending.isCompleted) complain("the shutdown has not ended")
    }

    private fun invalidate(step: Strict) {
        val context = context(step["context"] ?: complain("invalidate has a context"))
        val token = look.known(step.text("token") ?: complain("invalidate has a token"))
        val current = world.factory.invalidate(context, token)
        step.flag("current")?.let { same("current", it, current) }
        step.end()
    }

    private fun call(step: Strict) {
        val context = context(step["context"] ?: complain("a call has a context"))
        val face = step.text("as") ?: "token"
        val validForMs = step.long("valid_for_ms")
        if ((face == "token_valid_for") != (validForMs != null)) complain("valid_for_ms goes with token_valid_for")
        val id = step.text("id")
        val expected = step.obj("expect")
        if (id == null && expected == null) complain("nobody can look at this call")
        step.end()
        val factory = world.factory
        val task =
            world.scope.async(start = CoroutineStart.UNDISPATCHED) {
                try {
                    when (face) {
                        "token" -> Answer.Token(factory.token(context))
                        "token_valid_for" ->
                            Answer.Token(factory.tokenValidFor(context, validForMs!!, TimeUnit.MILLISECONDS))
                        "handle" -> Answer.Token(world.handle(context).token())
                        "try_token" -> factory.tryToken(context)?.let { Answer.Token(it) } ?: Answer.None
                        else -> complain("no call is called $face")
                    }
                } catch (error: TokenException) {
                    Answer.Error(error)
                }
            }
        world.calls += Call(id, task)
        collect()
        expected?.let { look.outcome(world.calls.last(), it) }
    }

    private fun cancel(step: Strict) {
        val id = step.text("id") ?: complain("cancel has an id")
        step.end()
        collect()
        val gone = world.calls.filter { it.id == id }
        if (gone.isEmpty()) complain("there is no call $id")
        if (gone.any { it.answer != null }) complain("call $id had ended already")
        gone.forEach { it.task.cancel() }
        world.calls -= gone.toSet()
        world.settle()
        if (gone.any { !it.task.isCompleted }) complain("call $id has not gone away")
    }

    /** Takes the answers of the calls that have ended. */
    private fun collect() {
        world.settle()
        for (call in world.calls.filter { it.answer == null && it.task.isCompleted }) {
            val answer = call.task.getCompleted()
            when (answer) {
                is Answer.Token -> {
                    world.noSecretIn(answer.token)
                    val label = world.wire.label(answer.token.value) ?: complain("a token came that no reply held")
                    world.tokens[label] = answer.token
                }
                is Answer.Error -> world.noSecretIn(answer.error, answer.error.message, answer.error.kind)
                Answer.None -> {}
            }
            call.answer = answer
        }
    }

    private fun atTheEnd() {
        world.calls.firstOrNull { !it.checked }?.let { complain("at the end: nobody looked at call ${it.id}") }
        if (world.wire.unused > 0) complain("at the end: ${world.wire.unused} replies were not asked for")
        world.noSecretIn(world.factory, world.factory.stats(), world.handles, *world.wire.requests.toTypedArray())
    }
}
