import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

final class LogMining {
  private LogMining() {}

  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    String match = args.option("match", "ERROR");
    long start = System.nanoTime();
    JavaRDD<String> errors = sc.textFile(args.position(0)).filter(line -> line.contains(match)).cache();
    long checksum = errors.count();
    double loadSeconds = Harness.secondsSince(start);
    int ordinal = 0;
    for (String query : args.all("query")) {
      checksum += ++ordinal * errors.filter(line -> line.contains(query)).count();
    }
    return new Harness.Report(Harness.secondsSince(start), loadSeconds, Harness.exact(checksum));
  }
}
