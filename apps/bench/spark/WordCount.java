import java.io.Serializable;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaSparkContext;
import scala.Tuple2;

final class WordCount {
  private WordCount() {}

  static Harness.Report run(JavaSparkContext sc, Harness.Arguments args) {
    long start = System.nanoTime();
    // Splitting at one character is what String.split does without a regular expression; the input has single spaces.
    JavaPairRDD<String, Long> counts =
        sc.textFile(args.position(0))
            .flatMap(line -> Arrays.asList(line.split(" ")).iterator())
            .mapToPair(word -> new Tuple2<>(word, 1L))
            .reduceByKey(Long::sum);
    List<Tuple2<String, Long>> top =
        counts.takeOrdered(
            args.number("top", 10),
            (Comparator<Tuple2<String, Long>> & Serializable)
                (a, b) -> a._2().equals(b._2()) ? a._1().compareTo(b._1()) : Long.compare(b._2(), a._2()));
    double seconds = Harness.secondsSince(start);

    long checksum = counts.map(entry -> Harness.fnv1a(entry._1()) * entry._2()).reduce(Long::sum);
    for (Tuple2<String, Long> entry : top) {
      checksum += entry._2();
    }
    return new Harness.Report(seconds, 0, Harness.exact(checksum));
  }
}
