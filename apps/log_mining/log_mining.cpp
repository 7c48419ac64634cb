// Interactive log mining, as in the papers on Spark: the interesting lines are loaded once, kept in memory, and searched again and again.
#include <salamander/apps/common/program.hpp>

#include <salamander/salamander.hpp>

#include <unistd.h>

#include <cstdio>
#include <iostream>

namespace sal = salamander;

namespace {

using lines = sal::rdd<std::string_view>;

bool contains(const std::string& text, std::string_view line) {
  return line.find(text) != std::string_view::npos;
}

lines lines_with(const lines& all, const std::string& text) {
  return all.filter(sal::bind_front([](const std::string& wanted, std::string_view line) { return contains(wanted, line); }, text));
}

/// Answers what is typed until there is no more.
void prompt(const lines& loaded) {
  constexpr std::size_t samples = 5;
  const bool terminal = ::isatty(STDIN_FILENO) != 0;
  if (terminal)
    std::printf("Type a text to count the lines with it; ctrl-D ends.\n");
  std::string text;
  const auto ask = [&] {
    if (terminal)
      std::printf("> ");
    std::fflush(stdout);
    return static_cast<bool>(std::getline(std::cin, text));
  };
  while (ask()) {
    if (text.empty())
      continue;
    const app::stopwatch watch;
    const auto matching = lines_with(loaded, text);
    const auto count = matching.count();
    std::printf("%llu lines, %.3f s\n", static_cast<unsigned long long>(count), watch.seconds());
    for (const auto& line : matching.take(samples))
      std::printf("  %s\n", line.c_str());
    if (count > samples)
      std::printf("  ...\n");
  }
  if (terminal)
    std::printf("\n");
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::string input;
  std::string match = "ERROR";
  std::vector<std::string> queries;
  app::program program("log_mining", "Keeps the lines of a log that matter in memory and counts those that contain a text.");
  program.argument("INPUT", input, "a log file, a directory, or a pattern such as 'logs/*.gz'")
      .option("--match", match, "keep the lines with this text; an empty one keeps all")
      .option("--query", queries, "count the lines with this text; may be repeated; without it, texts are asked for");

  return program.run(argc, argv, [&] {
    sal::context sc(program.settings());
    const app::stopwatch watch;
    const auto loaded = lines_with(sc.text_file(input), match).cache();
    const auto kept = loaded.count();
    app::report report{0, watch.seconds(), {}};
    if (!program.json())
      std::printf("%llu lines with \"%s\" are in memory, %.3f s\n", static_cast<unsigned long long>(kept), match.c_str(),
                  report.load_seconds);

    std::uint64_t checksum = kept;
    std::uint64_t ordinal = 0;
    for (const auto& text : queries) {
      const auto count = lines_with(loaded, text).count();
      checksum += ++ordinal * count;
      if (!program.json())
        std::printf("%10llu %s\n", static_cast<unsigned long long>(count), text.c_str());
    }
    if (queries.empty() && !program.json())
      prompt(loaded);
    report.seconds = watch.seconds();
    report.checksum = app::exact(checksum);
    return report;
  });
}
