#include "baseline.hpp"

#include <cstdio>

namespace bench {

namespace {

/// Lines kept in memory: their bytes one after the other, and where each begins.
struct lines {
  std::string bytes;
  std::vector<std::size_t> ends;

  void add(std::string_view line) {
    bytes.append(line);
    ends.push_back(bytes.size());
  }

  std::uint64_t count_containing(std::string_view text) const;
};

bool contains(std::string_view line, std::string_view text) {
  return line.find(text) != std::string_view::npos;
}

std::uint64_t lines::count_containing(std::string_view text) const {
  std::uint64_t count = 0;
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    count += contains({bytes.data() + begin, end - begin}, text);
    begin = end;
  }
  return count;
}

} // namespace

report log_mining(const arguments& args) {
  const unsigned threads = args.threads();
  const std::string match = args.option("match", "ERROR");
  const stopwatch watch;
  std::vector<lines> errors(threads);
  std::uint64_t loaded = 0;
  {
    const mapped_file file(args.position(0, "INPUT"));
    in_parallel(threads, [&](unsigned t) {
      lines mine;
      for_each_line(slice_at_lines(file.text(), t, threads), [&](std::string_view line) {
        if (contains(line, match))
          mine.add(line);
      });
      errors[t] = std::move(mine);
    });
  }
  for (const lines& part : errors)
    loaded += part.ends.size();
  const double load_seconds = watch.seconds();

  std::uint64_t checksum = loaded;
  std::uint64_t ordinal = 0;
  for (const std::string& query : args.options("query")) {
    std::vector<std::uint64_t> counts(threads);
    in_parallel(threads, [&](unsigned t) { counts[t] = errors[t].count_containing(query); });
    std::uint64_t count = 0;
    for (const std::uint64_t part : counts)
      count += part;
    if (!args.json())
      std::printf("%10llu %s\n", static_cast<unsigned long long>(count), query.c_str());
    checksum += ++ordinal * count;
  }
  return {watch.seconds(), load_seconds, exact(checksum)};
}

} // namespace bench
