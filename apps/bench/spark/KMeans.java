import java.io.Serializable;
import java.util.List;
import java.util.Map;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

final class KMeans {
  private KMeans() {}

  /** The sum of the points of one cluster and how many they are. */
  static final class Sum implements Serializable {
    private final double[] coordinates;
    private long members;

    Sum(int dimensions) {
      coordinates = new double[dimensions];
    }

    Sum add(double[] point) {
      Numbers.add(coordinates, point);
      ++members;
      return this;
    }

    Sum merge(Sum other) {
      Numbers.add(coordinates, other.coordinates);
      members += other.members;
      return this;
    }

    double[] mean() {
      double[] mean = coordinates.clone();
      for (int i = 0; i < mean.length; ++i) {
        mean[i] /= members;
      }
      return mean;
    }
  }

  static int nearest(double[] point, double[][] centres) {
    int best = 0;
    double bestDistance = Double.POSITIVE_INFINITY;
    for (int c = 0; c < centres.length; ++c) {
      double distance = 0;
      for (int i = 0; i < point.length; ++i) {
        double difference = point[i] - centres[c][i];
        distance += difference * difference;
      }
      if (distance < bestDistance) {
        bestDistance = distance;
        best = c;
      }
    }
    return best;
  }

  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    long start = System.nanoTime();
    JavaRDD<double[]> points = sc.textFile(args.position(0)).map(Numbers::parse).cache();
    points.count();
    double loadSeconds = Harness.secondsSince(start);

    List<double[]> first = points.take(args.number("k", 10));
    double[][] centres = first.toArray(new double[0][]);
    int dimensions = centres[0].length;
    for (int iteration = args.number("iterations", 10); iteration > 0; --iteration) {
      double[][] current = centres.clone();
      Map<Integer, double[]> means =
          points
              .mapToPair(point -> new Tuple2<>(nearest(point, current), point))
              .aggregateByKey(new Sum(dimensions), Sum::add, Sum::merge)
              .mapValues(Sum::mean)
              .collectAsMap();
      means.forEach((c, mean) -> current[c] = mean);
      centres = current;
    }
    double seconds = Harness.secondsSince(start);

    double checksum = 0;
    for (int c = 0; c < centres.length; ++c) {
      for (double coordinate : centres[c]) {
        checksum += (c + 1) * Math.abs(coordinate);
      }
    }
    return new Harness.Report(seconds, loadSeconds, Harness.rounded(checksum));
  }
}
