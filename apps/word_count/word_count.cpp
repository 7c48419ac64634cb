// Counts the words of a text: the most frequent ones are printed, all of them are saved on demand.
#include <salamander/apps/common/program.hpp>

#include <salamander/salamander.hpp>

#include <cstdio>

namespace sal = salamander;

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::string input;
  std::string output;
  std::uint64_t top = 10;
  app::program program("word_count", "Counts the words of text files and prints the most frequent ones.");
  program.argument("INPUT", input, "a text file, a directory, or a pattern such as 'logs/*.txt'; .gz and .zst are unpacked")
      .option("--top", top, 0, "how many words to print")
      .option("--output", output, "a new directory that all counts are saved in");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const app::stopwatch watch;
    auto counts = sc.text_file(input)
                      .flat_map([](std::string_view line) { return sal::words(line); })
                      .map([](std::string_view word) {
                        return std::pair{word, std::int64_t{1}};
                      })
                      .reduce_by_key(std::plus<>{});
    const auto frequent = counts.top(top, sal::by_value);
    if (!output.empty())
      counts.save_as_text_file(output);
    app::report report{watch.seconds(), 0, {}};

    if (!program.json()) {
      for (const auto& [word, count] : frequent)
        std::printf("%10lld %s\n", static_cast<long long>(count), word.c_str());
      std::printf("%.3f s\n", report.seconds);
      return report;
    }
    auto sum = counts.map([](const auto& counted) { return app::fnv1a(counted.first) * static_cast<std::uint64_t>(counted.second); })
                   .fold(0, std::plus<>{});
    for (const auto& [word, count] : frequent)
      sum += static_cast<std::uint64_t>(count);
    report.checksum = app::exact(sum);
    return report;
  });
}
