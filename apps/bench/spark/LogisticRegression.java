import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;

final class LogisticRegression {
  private LogisticRegression() {}

  /** Adds to the gradient what one row, a label and its features, says about the weights. */
  private static double[] addGradient(double[] gradient, double[] row, double[] weights) {
    double label = row[0] > 0 ? 1 : -1;
    double margin = 0;
    for (int i = 0; i < weights.length; ++i) {
      margin += weights[i] * row[i + 1];
    }
    double scale = (1 / (1 + Math.exp(-label * margin)) - 1) * label;
    for (int i = 0; i < weights.length; ++i) {
      gradient[i] += scale * row[i + 1];
    }
    return gradient;
  }

  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    double rate = args.real("rate", 1);
    long start = System.nanoTime();
    JavaRDD<double[]> points = sc.textFile(args.position(0)).map(Numbers::parse).cache();
    long rows = points.count();
    double loadSeconds = Harness.secondsSince(start);

    double[] weights = new double[points.first().length - 1];
    for (int iteration = args.number("iterations", 10); iteration > 0; --iteration) {
      double[] current = weights.clone();
      double[] gradient =
          points.aggregate(new double[weights.length], (sum, row) -> addGradient(sum, row, current), Numbers::add);
      for (int i = 0; i < weights.length; ++i) {
        weights[i] -= rate * gradient[i] / rows;
      }
    }
    double seconds = Harness.secondsSince(start);

    double checksum = 0;
    for (int i = 0; i < weights.length; ++i) {
      checksum += (i + 1) * Math.abs(weights[i]);
    }
    return new Harness.Report(seconds, loadSeconds, Harness.rounded(checksum));
  }
}
