import java.util.StringTokenizer;

final class Numbers {
  private Numbers() {}

  /** The numbers of a line. */
  static double[] parse(String line) {
    StringTokenizer tokens = new StringTokenizer(line);
    double[] numbers = new double[tokens.countTokens()];
    for (int i = 0; i < numbers.length; ++i) {
      numbers[i] = Double.parseDouble(tokens.nextToken());
    }
    return numbers;
  }

  /** Adds b to a, and gives a. */
  static double[] add(double[] a, double[] b) {
    return add(a, b, a.length);
  }

  /** Adds the first `count` of b to a, and gives a. */
  static double[] add(double[] a, double[] b, int count) {
    for (int i = 0; i < count; ++i) {
      a[i] += b[i];
    }
    return a;
  }
}
