@testable import FleetToken
import Foundation

/// Runs a scenario's steps through the factory's public face, and says what was not as promised.
///
/// Blocks its thread: it must not be one of Swift's own pool, which the calls and the wire run on.
enum Runner {
    /// What is wrong with a scenario, its promise or its file; `nil` when nothing is.
    static func failure(_ scenario: Scenario) -> String? {
        let world: World
        do {
            world = try World(scenario)
        } catch let error as TokenError where error.kind == .invalidConfiguration {
            return scenario.isRefused ? nil : "the configuration was refused: \(error)"
        } catch {
            return "\(error)"
        }
        if scenario.isRefused { return "the configuration was accepted" }
        do {
            try play(scenario.steps, world, "")
            try atTheEnd(world)
            return nil
        } catch {
            return "\(error)"
        }
    }

    private static func play(_ steps: [JSON], _ world: World, _ prefix: String) throws {
        for (index, step) in steps.enumerated() {
            let place = "\(prefix)\(index + 1)"
            let members = try step.asObject("a step")
            guard let (name, argument) = members.first, members.count == 1 else {
                throw Complaint("a step has one key")
            }
            if name == "repeat" {
                try Fields.of(argument) { fields in
                    let (times, steps) = (try fields.int("times") ?? 0, try fields.array("steps") ?? [])
                    for round in 0..<times { try play(steps, world, "\(place) round \(round + 1) step ") }
                }
                continue
            }
            var problem: String?
            do { try act(name, argument, world) } catch { problem = "\(error)" }
            // Another problem than the one that was looked for is most likely its cause.
            if let problem = world.wire.state.with({ $0.complaints.first }) ?? problem {
                let shown = step.text.contains("SECRET-") ? "(not shown)" : step.text
                throw Complaint("step \(place) \(shown): \(problem)")
            }
        }
    }

    private static func act(_ name: String, _ argument: JSON, _ world: World) throws {
        if ["clear", "network_available", "session_changed", "shutdown"].contains(name), argument != .bool(true) {
            throw Complaint("\(name) is true or absent")
        }
        switch name {
        case "note": return
        case "call": return try Fields.of(argument) { try ask($0, world) }
        case "expect_call":
            return try Fields.of(argument) { fields in
                guard let id = try fields.string("id") else { throw Complaint("expect_call has no id") }
                let calls = world.calls.filter { $0.id == id }
                if calls.isEmpty { throw Complaint("there is no call \(id)") }
                try look(at: calls, try Outcome(fields), world)
            }
        case "cancel":
            try Fields.of(argument) { try cancel(try $0.string("id") ?? "", world) }
        case "advance_ms":
            // Nothing looks for what is due inside the jump, as Rust's runner does: late replies that nobody waits for go
            // on sleeping here, since a call into Swift is never aborted.
            world.clock.advanceMs(by: UInt64(try argument.asInt(name)))
        case "suspend_ms": world.clock.suspendMs(by: UInt64(try argument.asInt(name)))
        case "step_wall_ms": world.clock.stepWallMs(by: Int64(try argument.asInt(name)))
        case "invalidate":
            try Fields.of(argument) { fields in
                guard let context = try fields.json("context").map(AuthTokenContext.init) else {
                    throw Complaint("invalidate has no context")
                }
                let token = try world.known(try fields.string("token") ?? "")
                try same("current", try fields.bool("current"), world.factory.invalidate(token, for: context))
            }
        case "clear": world.factory.clear()
        case "network_available": world.factory.networkAvailable()
        case "session_changed": world.factory.sessionChanged()
        case "prefetch":
            guard case .array(let contexts) = argument else { throw Complaint("prefetch takes a list") }
            world.factory.prefetch(try contexts.map(AuthTokenContext.init))
        case "shutdown":
            let (factory, ended) = (world.factory, Locked(false))
            Task.detached {
                await factory.shutdown()
                ended.with { $0 = true }
            }
            try world.soon("the shutdown did not end") {
                try world.settle()
                return ended.with { $0 }
            }
        case "session": try world.login.set(argument)
        case "expect":
            try world.settle()
            world.stayQuiet()
            return try world.eventually { try Expectation.check(argument, world) }
        default: throw Complaint("there is no step \(name)")
        }
        try world.settle()
    }

    private static func ask(_ fields: Fields, _ world: World) throws {
        guard let context = try fields.json("context").map(AuthTokenContext.init) else {
            throw Complaint("a call has no context")
        }
        let call = Call(id: try fields.string("id"))
        let expected = try fields.json("expect").map { try Fields.of($0) { try Outcome($0) } }
        if expected == nil, call.id == nil { throw Complaint("a call has an id or an expectation") }
        let (way, validFor) = (try fields.string("as") ?? "token", try fields.int("valid_for_ms"))
        if (validFor != nil) != (way == "token_valid_for") { throw Complaint("valid_for_ms goes with token_valid_for") }

        let (factory, before) = (world.factory, world.factory.stats.calls)
        let ask: @Sendable () async throws -> Answer
        switch way {
        case "token": ask = { .token(try await factory.token(for: context)) }
        case "token_valid_for":
            let time = TimeInterval(validFor ?? 0) / 1000
            ask = { .token(try await factory.token(for: context, validFor: time)) }
        case "try_token": ask = { factory.tryToken(for: context).map(Answer.token) ?? Answer.none }
        case "handle":
            let handle = Result { try world.handle(for: context) }
            ask = { .token(try await handle.get().token()) }
        default: throw Complaint("there is no way to ask called \(way)")
        }
        call.task = Task.detached {
            let answer: Answer
            do { answer = try await ask() } catch { answer = .error(error) }
            call.answer.with { $0 = answer }
        }
        world.calls.append(call)
        // Before it was asked there is nothing to settle.
        try world.soon("the call was not begun") { factory.stats.calls > before || !call.isPending }
        try world.settle()
        if let expected { try look(at: [call], expected, world) }
    }

    private static func look(at calls: [Call], _ expected: Outcome, _ world: World) throws {
        if expected.isPending { world.stayQuiet() }
        for call in calls {
            call.isChecked = true
            try world.eventually { try expected.check(call, world) }
        }
        try world.collect()
    }

    private static func cancel(_ id: String, _ world: World) throws {
        world.stayQuiet()
        let gone = world.calls.filter { $0.id == id }
        if gone.isEmpty { throw Complaint("there is no call \(id)") }
        world.calls.removeAll { $0.id == id }
        for call in gone {
            guard call.isPending else { throw Complaint("call \(id) had ended already") }
            call.task?.cancel()
            try world.soon("a cancelled call did not end") { !call.isPending }
            guard case .error(is CancellationError) = call.answer.with({ $0 }) else {
                throw Complaint("a cancelled call did not end with CancellationError")
            }
        }
    }

    private static func atTheEnd(_ world: World) throws {
        try world.collect()
        if let call = world.calls.first(where: { !$0.isChecked }) {
            throw Complaint("at the end: nobody looked at call \(call.id ?? "without an id")")
        }
        let unused = world.wire.state.with { $0.replies.filter { $0 != nil }.count }
        if unused > 0 { throw Complaint("at the end: \(unused) replies were not asked for") }
        for event in world.events.with({ $0 }) { try world.noSecret(in: event) }
        try world.noSecret(in: world.factory)
    }
}

extension World {
    /// Looks once at each answer that has come.
    func collect() throws {
        for call in calls where !call.isSeen {
            guard let answer = call.answer.with({ $0 }) else { continue }
            call.isSeen = true
            switch answer {
            case .none: break
            case .error(let error): try noSecret(in: error)
            case .token(let token):
                try noSecret(in: token)
                guard let label = wire.state.with({ $0.labels[token.value] }) else {
                    throw Complaint("a token came that no reply held")
                }
                tokens[label] = token
            }
        }
    }

    func known(_ label: String) throws -> AuthToken {
        try collect()
        guard let token = tokens[label] else { throw Complaint("no call has brought the token \(label)") }
        return token
    }
}
