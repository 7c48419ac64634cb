import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

/** Runs one work on Spark's RDD API, first to warm the JVM, then measured, and prints the line of JSON that scripts/bench reads. */
public final class Harness {
  /** Arguments as every benchmarked program takes them. */
  static final class Arguments {
    private final List<String> positions = new ArrayList<>();
    private final Map<String, List<String>> options = new HashMap<>();

    Arguments(String[] args) {
      for (int i = 1; i < args.length; ++i) {
        if (args[i].equals("--json")) {
          continue;
        }
        if (args[i].startsWith("--")) {
          options.computeIfAbsent(args[i].substring(2), name -> new ArrayList<>()).add(args[++i]);
        } else {
          positions.add(args[i]);
        }
      }
    }

    String position(int i) {
      return positions.get(i);
    }

    String option(String name, String otherwise) {
      return options.containsKey(name) ? options.get(name).get(0) : otherwise;
    }

    int number(String name, int otherwise) {
      return Integer.parseInt(option(name, Integer.toString(otherwise)));
    }

    double real(String name, double otherwise) {
      return Double.parseDouble(option(name, Double.toString(otherwise)));
    }

    List<String> all(String name) {
      return options.getOrDefault(name, List.of());
    }
  }

  /** What one run found; the checksum is a JSON value: a string is compared exactly, a number within rounding. */
  record Report(double seconds, double loadSeconds, String checksum) {}

  interface Work {
    Report run(JavaSparkContext sc, Arguments args);
  }

  private static final Map<String, Work> WORKS =
      Map.of(
          "word_count", WordCount::run,
          "log_mining", LogMining::run,
          "logistic_regression", LogisticRegression::run,
          "k_means", KMeans::run,
          "page_rank", PageRank::run,
          "tera_sort", TeraSort::run,
          "empty_job", EmptyJob::run);

  private Harness() {}

  static double secondsSince(long start) {
    return (System.nanoTime() - start) * 1e-9;
  }

  static long fnv1a(String text) {
    long hash = 0xcbf29ce484222325L;
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      hash = (hash ^ (b & 0xff)) * 0x100000001b3L;
    }
    return hash;
  }

  static String exact(long value) {
    return String.format("\"%016x\"", value);
  }

  static String rounded(double value) {
    return String.format("%.12g", value);
  }

  public static void main(String[] argv) {
    Arguments args = new Arguments(argv);
    SparkConf conf =
        new SparkConf()
            .setAppName(argv[0])
            .setMaster(args.option("master", "local[2]"))
            .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
            .set("spark.ui.enabled", "false")
            .set("spark.log.level", "OFF")
            .set("spark.driver.host", "localhost")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.local.dir", args.option("local-dir", System.getProperty("java.io.tmpdir")));
    try (JavaSparkContext sc = new JavaSparkContext(conf)) {
      Work work = WORKS.get(argv[0]);
      double warmupSeconds = 0;
      for (int i = args.number("warmup", 1); i > 0; --i) {
        warmupSeconds += work.run(sc, args).seconds();
        sc.getPersistentRDDs().values().forEach((JavaRDD<?> rdd) -> rdd.unpersist(true));
        System.gc();
      }
      Report report = work.run(sc, args);
      System.out.printf(
          "{\"work\": \"%s\", \"seconds\": %.6f, \"load_seconds\": %.6f, \"warmup_seconds\": %.6f, \"checksum\": %s}%n",
          argv[0], report.seconds(), report.loadSeconds(), warmupSeconds, report.checksum());
    }
  }
}
