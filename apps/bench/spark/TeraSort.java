import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

final class TeraSort {
  private TeraSort() {}

  /** Sorts only; the baseline validates what every system wrote. */
  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    if (!args.position(0).equals("sort")) {
      throw new IllegalArgumentException("only sort is known");
    }
    // Each run needs an output of its own: the warm-up leaves its files behind.
    String output = args.position(2);
    if (new java.io.File(output).exists()) {
      delete(new java.io.File(output));
    }
    long start = System.nanoTime();
    sc.textFile(args.position(1))
        .mapToPair(record -> new Tuple2<>(record.substring(0, 10), record.substring(10)))
        .sortByKey()
        .map(record -> record._1() + record._2())
        .saveAsTextFile(output);
    return new Harness.Report(Harness.secondsSince(start), 0, "\"\"");
  }

  private static void delete(java.io.File file) {
    java.io.File[] inner = file.listFiles();
    if (inner != null) {
      for (java.io.File one : inner) {
        delete(one);
      }
    }
    file.delete();
  }
}
