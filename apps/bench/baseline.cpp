#include "baseline.hpp"

#include <cstdio>
#include <map>

namespace {

const std::map<std::string_view, bench::report (*)(const bench::arguments&)> works{
    {"word_count", bench::word_count}, {"log_mining", bench::log_mining}, {"logistic_regression", bench::logistic_regression},
    {"k_means", bench::k_means},       {"page_rank", bench::page_rank},   {"tera_sort", bench::tera_sort},
    {"empty_job", bench::empty_job},
};

constexpr const char* usage = R"(usage: baseline WORK ARGUMENTS... [--master local[2]] [--json]
  word_count INPUT [--top 10] [--output FILE]
  log_mining INPUT [--match ERROR] [--query TEXT]...
  logistic_regression INPUT [--iterations 10] [--rate 1]
  k_means INPUT [--k 10] [--iterations 10]
  page_rank INPUT [--iterations 10] [--top 10]
  tera_sort sort INPUT OUTPUT [--partitions 8]
  tera_sort validate INPUT
  empty_job [--tasks 2] [--jobs 500]
)";

} // namespace

int main(int argc, char** argv) {
  const auto work = argc > 1 ? works.find(argv[1]) : works.end();
  if (work == works.end()) {
    std::fputs(usage, stderr);
    return 2;
  }
  try {
    const bench::report report = work->second(bench::arguments(argc - 1, argv + 1));
    std::printf("{\"work\": \"%s\", \"seconds\": %.6f, \"load_seconds\": %.6f, \"checksum\": %s}\n", argv[1], report.seconds,
                report.load_seconds, report.checksum.c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "baseline %s: %s\n", argv[1], error.what());
    return 1;
  }
}
