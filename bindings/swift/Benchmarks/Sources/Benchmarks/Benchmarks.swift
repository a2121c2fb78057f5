// What a hit costs in Swift: Benchmarks FILE [--quick] writes one JSON object a row.

import FleetToken
import Foundation

@main
struct Benchmarks {
    static func main() async throws {
        guard CommandLine.arguments.count >= 2 else {
            print("usage: Benchmarks FILE [--quick]")
            exit(2)
        }
        let isQuick = CommandLine.arguments.contains("--quick")
        let plan = isQuick ? Plan(rounds: 5, milliseconds: 10) : Plan(rounds: 25, milliseconds: 40)
        var rows: [Row] = []
        for threads in [1, 2] {
            rows += try await beside(threads, plan)
            for contexts in [1, 10_000] {
                rows += try await hits(contexts, threads, plan)
            }
        }
        try JSONEncoder().encode(rows).write(to: URL(fileURLWithPath: CommandLine.arguments[1]))
    }

    /// What a hit is measured beside: what others do, and what nobody can do without.
    private static func beside(_ threads: Int, _ plan: Plan) async throws -> [Row] {
        let slot = OneSlot()
        let id = "driver_10000"
        check(slot.token(for: id) == tokenValue, "no token")
        let (core, context) = try await generated()
        defer { _ = core.shutDownNow() }
        var rows = [
            measure("sample", contexts: 1, threads: threads, plan) { number in
                for _ in 0..<number { used(slot.token(for: id)) }
            },
            measure("crossing", contexts: 1, threads: threads, plan) { number in
                for _ in 0..<number { used(core.tryToken(context: context)) }
            },
        ]
        if threads == 1 {
            let answers = AtOnceAsync()
            let vehicle = AuthTokenContext.vehicle(id)
            rows.append(
                measureAsync("asyncCall", contexts: 1, threads: 1, plan) { number in
                    for _ in 0..<number { used(try? await answers.token(for: vehicle)) }
                })
            rows.append(
                measure("clock", contexts: 1, threads: 1, plan) { number in
                    var time = timespec()
                    for _ in 0..<number {
                        #if canImport(Darwin)
                        clock_gettime(CLOCK_MONOTONIC, &time)
                        #else
                        clock_gettime(CLOCK_BOOTTIME, &time)
                        #endif
                        used(time.tv_nsec)
                    }
                })
        }
        return rows
    }

    private static func hits(_ contexts: Int, _ threads: Int, _ plan: Plan) async throws -> [Row] {
        let world = try await World(contexts: contexts)
        let row = { (name: String, calls: @escaping @Sendable (Int) -> Void) in
            measure(name, contexts: contexts, threads: threads, plan, calls)
        }
        var rows: [Row]
        if contexts == 1 {
            // Kept by their caller, as they would be.
            let (factory, context, id, handle) = (world.factory, world.contexts[0], world.ids[0], world.handles[0])
            rows = [
                row("tryToken") { number in for _ in 0..<number { used(factory.tryToken(for: context)) } },
                row("handle") { number in for _ in 0..<number { used(handle.tryToken()) } },
                row("contextEachTime") { number in for _ in 0..<number { used(factory.tryToken(for: .vehicle(id))) } },
                measureAsync("token", contexts: 1, threads: threads, plan) { number in
                    for _ in 0..<number { used(try? await factory.token(for: context)) }
                },
                measureAsync("asyncHandle", contexts: 1, threads: threads, plan) { number in
                    for _ in 0..<number { used(try? await handle.token()) }
                },
            ]
        } else {
            rows = [
                row("tryToken") { number in
                    var turn = Turn(among: contexts)
                    for _ in 0..<number { used(world.factory.tryToken(for: world.contexts[turn.next()])) }
                },
                row("handle") { number in
                    var turn = Turn(among: contexts)
                    for _ in 0..<number { used(world.handles[turn.next()].tryToken()) }
                },
                row("contextEachTime") { number in
                    var turn = Turn(among: contexts)
                    for _ in 0..<number { used(world.factory.tryToken(for: .vehicle(world.ids[turn.next()]))) }
                },
                measureAsync("token", contexts: contexts, threads: threads, plan) { number in
                    var turn = Turn(among: contexts)
                    for _ in 0..<number { used(try? await world.factory.token(for: world.contexts[turn.next()])) }
                },
                measureAsync("asyncHandle", contexts: contexts, threads: threads, plan) { number in
                    var turn = Turn(among: contexts)
                    for _ in 0..<number { used(try? await world.handles[turn.next()].token()) }
                },
            ]
        }
        if contexts == 1, threads == 1 {
            // Answered on a queue, one call after the other.
            rows.append(
                measureAsync("completion", contexts: 1, threads: 1, plan) { number in
                    for _ in 0..<number {
                        await withCheckedContinuation { done in
                            world.factory.token(for: world.contexts[0]) { _ in done.resume() }
                        }
                    }
                })
        }
        await world.end()
        return rows
    }
}
