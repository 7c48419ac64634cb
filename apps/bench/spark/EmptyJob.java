import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

final class EmptyJob {
  private EmptyJob() {}

  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    int tasks = args.number("tasks", 2);
    int jobs = args.number("jobs", 500);
    JavaRDD<Integer> empty = sc.parallelize(new ArrayList<Integer>(Collections.nCopies(tasks, 0)), tasks);
    double[] seconds = new double[jobs];
    // The first third warms up.
    for (int i = 0; i < jobs + jobs / 2; ++i) {
      long start = System.nanoTime();
      empty.foreachPartition(records -> {});
      if (i >= jobs / 2) {
        seconds[i - jobs / 2] = Harness.secondsSince(start);
      }
    }
    Arrays.sort(seconds);
    return new Harness.Report(seconds[jobs / 2], 0, Harness.exact((long) tasks * jobs));
  }
}
