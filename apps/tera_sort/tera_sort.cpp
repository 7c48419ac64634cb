// TeraSort: makes, sorts and checks records of 100 bytes, the line end included, ordered by their first 10 bytes.
#include <salamander/apps/common/program.hpp>

#include <salamander/salamander.hpp>

#include <array>
#include <cstdio>
#include <stdexcept>

namespace sal = salamander;

namespace {

constexpr std::size_t line_size = 99;
constexpr std::size_t key_size = 10;

/// The generator of splitmix64: record i is the same wherever it is made.
std::uint64_t mixed(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15u;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

/// 10 printable bytes of key, two spaces, the ordinal in 32 hexadecimal digits, two spaces, 53 bytes of filling.
std::string record(std::int64_t ordinal) {
  constexpr std::uint64_t printable = 95;
  char key[key_size + 1] = {};
  auto state = static_cast<std::uint64_t>(ordinal);
  for (std::size_t half = 0; half < 2; ++half) {
    auto digits = mixed(2 * state + half);
    for (std::size_t i = 0; i < key_size / 2; ++i, digits /= printable)
      key[half * (key_size / 2) + i] = static_cast<char>(' ' + digits % printable);
  }
  char line[line_size + 1];
  const auto fill = static_cast<char>('A' + ordinal % 26);
  std::snprintf(line, sizeof line, "%s  %032llX  %s", key, static_cast<unsigned long long>(ordinal), std::string(53, fill).c_str());
  return std::string(line, line_size);
}

std::string_view checked(std::string_view line) {
  if (line.size() != line_size)
    throw std::runtime_error("expected a line of " + std::to_string(line_size) + " bytes, found one of " + std::to_string(line.size()));
  return line;
}

/// What one partition says about the whole.
struct summary {
  std::uint64_t records = 0;
  std::uint64_t checksum = 0;
  std::string first;
  std::string last;
};

/// Errors: std::runtime_error at a key that is smaller than the one before it.
summary summarize(sal::record_range<std::string_view> lines) {
  summary found;
  for (const auto line : lines) {
    const auto key = checked(line).substr(0, key_size);
    if (found.records == 0)
      found.first = key;
    else if (key < found.last)
      throw std::runtime_error("this record is out of order: \"" + std::string(line.substr(0, 46)) + "\"");
    found.last = key;
    found.checksum += app::fnv1a(line);
    ++found.records;
  }
  return found;
}

app::report generate(const app::program& program, std::uint64_t count, const std::string& output) {
  sal::context sc(program.settings());
  const app::stopwatch watch;
  sc.range(static_cast<std::int64_t>(count)).map([](std::int64_t ordinal) { return record(ordinal); }).save_as_text_file(output);
  return {watch.seconds(), 0, app::exact(count)};
}

app::report sort(const app::program& program, const std::string& input, const std::string& output) {
  sal::context sc(program.settings());
  const app::stopwatch watch;
  sc.text_file(input).sort_by([](std::string_view line) { return checked(line).substr(0, key_size); }).save_as_text_file(output);
  app::report report{watch.seconds(), 0, {}};
  if (program.json())
    report.checksum = app::exact(sc.text_file(output).count());
  return report;
}

app::report validate(const app::program& program, const std::string& input) {
  sal::context sc(program.settings());
  const app::stopwatch watch;
  const auto parts = sc.text_file(input)
                         .map_partitions([](sal::record_range<std::string_view> lines) { return std::array<summary, 1>{summarize(lines)}; })
                         .collect();
  summary all;
  for (const auto& part : parts) {
    if (part.records == 0)
      continue;
    if (all.records != 0 && part.first < all.last)
      throw std::runtime_error("record " + std::to_string(all.records) + ", the first of a part, is out of order");
    all.last = part.last;
    all.records += part.records;
    all.checksum += part.checksum;
  }
  app::report report{watch.seconds(), 0, app::exact(all.checksum + all.records)};
  if (!program.json())
    std::printf("%llu records in order, checksum %016llx\n", static_cast<unsigned long long>(all.records),
                static_cast<unsigned long long>(all.checksum));
  return report;
}

} // namespace

int main(int argc, char** argv) {
  sal::init(argc, argv);

  std::uint64_t count = 0;
  std::string input;
  std::string output;
  app::program program("tera_sort", "Makes, sorts and checks records of 100 bytes.");
  auto& generating = program.command("generate", "make records")
                         .argument("COUNT", count, "how many records")
                         .argument("OUTPUT", output, "a new directory");
  auto& sorting = program.command("sort", "sort records by their first 10 bytes")
                      .argument("INPUT", input, "a file or directory of records")
                      .argument("OUTPUT", output, "a new directory; its part files are in order one after the other");
  program.command("validate", "check that records are in order").argument("INPUT", input, "a file or directory of records");

  return program.run(argc, argv, [&] {
    const auto report = generating.chosen() ? generate(program, count, output)
                        : sorting.chosen()  ? sort(program, input, output)
                                            : validate(program, input);
    if (!program.json())
      std::printf("%.3f s\n", report.seconds);
    return report;
  });
}
