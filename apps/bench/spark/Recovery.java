import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorAdded;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import scala.Tuple2;

/**
 * The iterations of apps/recovery on Spark's local-cluster: points parsed and cached in the first one, and an executor killed in another.
 * Prints the line of JSON that scripts/bench_recovery reads. Needs SPARK_HOME, and the classes of this folder on the executors' class path.
 */
public final class Recovery {
  private Recovery() {}

  /** Kills an executor after a while and notes when the driver removed it and got another. */
  private static final class Strike extends SparkListener {
    private final Thread thread;
    private volatile long struck;
    private volatile long removed;
    private volatile long added;

    Strike(long delayMillis) {
      thread = new Thread(() -> kill(delayMillis));
    }

    private void kill(long delayMillis) {
      try {
        Thread.sleep(delayMillis);
      } catch (InterruptedException stopped) {
        return;
      }
      ProcessHandle victim = executors().max(Comparator.comparingLong(ProcessHandle::pid)).orElseThrow();
      struck = System.nanoTime();
      victim.destroyForcibly();
    }

    private static java.util.stream.Stream<ProcessHandle> executors() {
      return ProcessHandle.current().descendants().filter(Strike::isExecutor);
    }

    private static boolean isExecutor(ProcessHandle process) {
      try {
        return Files.readString(Path.of("/proc", Long.toString(process.pid()), "cmdline")).contains("CoarseGrainedExecutorBackend");
      } catch (IOException gone) {
        return false;
      }
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved event) {
      if (struck != 0 && removed == 0) {
        removed = System.nanoTime();
      }
    }

    @Override
    public void onExecutorAdded(SparkListenerExecutorAdded event) {
      if (struck != 0 && added == 0) {
        added = System.nanoTime();
      }
    }

    String seconds(long when) {
      return when == 0 ? "null" : Harness.rounded((when - struck) * 1e-9);
    }
  }

  private static double[][] firstPoints(String input, int count) throws IOException {
    double[][] points = new double[count][];
    try (BufferedReader lines = Files.newBufferedReader(Path.of(input))) {
      for (int i = 0; i < count; ++i) {
        points[i] = Numbers.parse(lines.readLine());
      }
    }
    return points;
  }

  /** The sums of the coordinates of each cluster's points, with the number of points at the end. */
  private static Iterator<Tuple2<Integer, double[]>> assign(Iterator<double[]> points, double[][] centres) {
    int dimensions = centres[0].length;
    double[][] sums = new double[centres.length][dimensions + 1];
    while (points.hasNext()) {
      double[] point = points.next();
      double[] sum = sums[KMeans.nearest(point, centres)];
      Numbers.add(sum, point, dimensions);
      ++sum[dimensions];
    }
    List<Tuple2<Integer, double[]>> found = new ArrayList<>();
    for (int c = 0; c < sums.length; ++c) {
      if (sums[c][dimensions] != 0) {
        found.add(new Tuple2<>(c, sums[c]));
      }
    }
    return found.iterator();
  }

  private static double[] mean(double[] sum) {
    double[] mean = Arrays.copyOf(sum, sum.length - 1);
    for (int i = 0; i < mean.length; ++i) {
      mean[i] /= sum[sum.length - 1];
    }
    return mean;
  }

  private static void iterate(JavaRDD<double[]> points, double[][] centres, int reducers) {
    double[][] current = centres.clone();
    points
        .mapPartitionsToPair(part -> assign(part, current))
        .reduceByKey(Numbers::add, reducers)
        .mapValues(Recovery::mean)
        .collect()
        .forEach(found -> centres[found._1()] = found._2());
  }

  private static JavaRDD<double[]> points(JavaSparkContext sc, Harness.Arguments args) {
    return sc.textFile(args.position(0), args.number("partitions", 400)).map(Numbers::parse).cache();
  }

  /** Lets the JVMs compile what the measured iterations will use. */
  private static void warmUp(JavaSparkContext sc, Harness.Arguments args, double[][] centres, int reducers) {
    JavaRDD<double[]> points = points(sc, args);
    double[][] moving = centres.clone();
    for (int i = args.number("warmup", 3); i > 0; --i) {
      iterate(points, moving, reducers);
    }
    points.unpersist(true);
  }

  private static String run(JavaSparkContext sc, Harness.Arguments args) throws Exception {
    double[][] centres = firstPoints(args.position(0), args.number("k", 100));
    int reducers = args.number("reducers", 8);
    boolean kill = args.option("fault", "none").equals("kill");
    warmUp(sc, args, centres, reducers);
    Strike strike = new Strike(args.number("delay-ms", 20));
    sc.sc().addSparkListener(strike);
    List<Double> seconds = new ArrayList<>();
    JavaRDD<double[]> points = points(sc, args);
    long start = System.nanoTime();
    for (int i = 1; i <= args.number("iterations", 10); ++i) {
      long begin = System.nanoTime();
      if (kill && i == args.number("at", 6)) {
        strike.thread.start();
      }
      iterate(points, centres, reducers);
      seconds.add(Harness.secondsSince(begin));
    }
    double whole = Harness.secondsSince(start);
    strike.thread.join();
    double checksum = 0;
    for (int c = 0; c < centres.length; ++c) {
      for (double coordinate : centres[c]) {
        checksum += (c + 1) * Math.abs(coordinate);
      }
    }
    return String.format(
        "{\"work\": \"recovery\", \"seconds\": %.6f, \"checksum\": %s, \"fault\": \"%s\", \"partitions\": %d, \"iterations\": [%s], "
            + "\"noticed\": %s, \"replaced\": %s}",
        whole,
        Harness.rounded(checksum),
        args.option("fault", "none"),
        points.getNumPartitions(),
        seconds.stream().map(Harness::rounded).collect(Collectors.joining(", ")),
        strike.seconds(strike.removed),
        strike.seconds(strike.added));
  }

  public static void main(String[] argv) throws Exception {
    String[] named = new String[argv.length + 1];
    named[0] = "recovery";
    System.arraycopy(argv, 0, named, 1, argv.length);
    Harness.Arguments args = new Harness.Arguments(named);
    SparkConf conf =
        new SparkConf()
            .setAppName("recovery")
            .setMaster(args.option("master", "local-cluster[8,1,1024]"))
            .set("spark.serializer", "org.apache.spark.serializer.KryoSerializer")
            .set("spark.ui.enabled", "false")
            .set("spark.log.level", Optional.ofNullable(System.getenv("SPARK_LOG_LEVEL")).orElse("OFF"))
            .set("spark.driver.host", "localhost")
            .set("spark.driver.bindAddress", "127.0.0.1")
            .set("spark.executor.extraClassPath", System.getProperty("java.class.path").split(":")[0])
            .set("spark.local.dir", args.option("local-dir", System.getProperty("java.io.tmpdir")));
    try (JavaSparkContext sc = new JavaSparkContext(conf)) {
      String report = run(sc, args);
      System.out.println(report);
    }
  }
}
