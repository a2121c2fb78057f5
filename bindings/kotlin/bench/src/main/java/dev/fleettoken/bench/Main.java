package dev.fleettoken.bench;

import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.Options;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import java.util.concurrent.TimeUnit;

/** Runs every row and leaves JMH's JSON in the folder that is named, a file for each number of threads and class. */
public final class Main {
    public static void main(String[] args) throws Exception {
        boolean isQuick = args.length > 1 && args[1].equals("--quick");
        for (int threads = 1; threads <= 2; threads++) {
            run(args[0], isQuick, threads, Beside.class, "1");
            run(args[0], isQuick, threads, Hit.class, "1", "10000");
        }
    }

    private static void run(String folder, boolean isQuick, int threads, Class<?> rows, String... contexts)
        throws Exception {
        Options options = new OptionsBuilder()
            .include(rows.getName())
            // Of these, one thread says it all.
            .exclude(threads == 1 ? "nothing" : "wallClock|nanoTime|Blocking")
            .param("contexts", contexts)
            .mode(Mode.AverageTime)
            .timeUnit(TimeUnit.NANOSECONDS)
            .threads(threads)
            .forks(isQuick ? 1 : 2)
            .warmupIterations(isQuick ? 2 : 3)
            .warmupTime(TimeValue.milliseconds(isQuick ? 200 : 400))
            .measurementIterations(isQuick ? 3 : 6)
            .measurementTime(TimeValue.milliseconds(isQuick ? 200 : 400))
            .addProfiler(GCProfiler.class)
            .jvmArgsAppend("-Xms512m", "-Xmx512m")
            .shouldFailOnError(true)
            .resultFormat(ResultFormatType.JSON)
            .result(folder + "/" + rows.getSimpleName() + "-" + threads + ".json")
            .build();
        new Runner(options).run();
    }

    private Main() {}
}
