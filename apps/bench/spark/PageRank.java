import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.StringTokenizer;
import java.util.stream.StreamSupport;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

final class PageRank {
  private PageRank() {}

  private static Tuple2<Long, Long> edge(String line) {
    StringTokenizer tokens = new StringTokenizer(line);
    return new Tuple2<>(Long.parseLong(tokens.nextToken()), Long.parseLong(tokens.nextToken()));
  }

  private static long[] targets(Iterable<Long> group) {
    return StreamSupport.stream(group.spliterator(), false).mapToLong(Long::longValue).toArray();
  }

  private static List<Tuple2<Long, Double>> shares(long[] targets, double rank) {
    List<Tuple2<Long, Double>> shares = new ArrayList<>(targets.length);
    for (long target : targets) {
      shares.add(new Tuple2<>(target, rank / targets.length));
    }
    return shares;
  }

  /** The program of the RDD paper: a vertex that receives nothing has no rank. */
  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    long start = System.nanoTime();
    JavaPairRDD<Long, long[]> links =
        sc.textFile(args.position(0))
            .filter(line -> !line.startsWith("#"))
            .mapToPair(PageRank::edge)
            .groupByKey()
            .mapValues(PageRank::targets)
            .cache();
    links.count();
    double loadSeconds = Harness.secondsSince(start);

    JavaPairRDD<Long, Double> ranks = links.mapValues(targets -> 1.0);
    for (int iteration = args.number("iterations", 10); iteration > 0; --iteration) {
      ranks =
          links
              .join(ranks)
              .values()
              .flatMapToPair(entry -> shares(entry._1(), entry._2()).iterator())
              .reduceByKey(Double::sum)
              .mapValues(sum -> 0.15 + 0.85 * sum);
    }
    ranks.takeOrdered(
        args.number("top", 10),
        (Comparator<Tuple2<Long, Double>> & Serializable)
            (a, b) -> a._2().equals(b._2()) ? Long.compare(a._1(), b._1()) : Double.compare(b._2(), a._2()));
    double seconds = Harness.secondsSince(start);

    double checksum = ranks.mapToDouble(entry -> entry._2() * (1 + (entry._1() % 16) / 16.0)).sum();
    return new Harness.Report(seconds, loadSeconds, Harness.rounded(checksum));
  }
}
