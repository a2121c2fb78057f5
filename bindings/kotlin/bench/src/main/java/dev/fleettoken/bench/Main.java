package dev.fleettoken.bench;

import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;
import java.util.concurrent.TimeUnit;

/** Runs every row and leaves one file of JMH's JSON for each number of threads: FOLDER/1.json, FOLDER/2.json. */
public final class Main {
    public static void main(String[] args) throws Exception {
        boolean isQuick = args.length > 1 && args[1].equals("--quick");
        for (int threads = 1; threads <= 2; threads++) {
            ChainedOptionsBuilder options = new OptionsBuilder()
                .include("\\.bench\\.")
                .exclude(threads == 1 ? "nothing" : "Clock|nanoTime|Blocking")
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
                .result(args[0] + "/" + threads + ".json");
            new Runner(options.build()).run();
        }
    }

    private Main() {}
}
