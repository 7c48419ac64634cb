#include "cluster_fixture.hpp"

#include <cstdlib>

namespace {

template <class F>
sal::error error_of(F&& f) {
  try {
    f();
  } catch (const sal::error& failure) {
    return failure;
  }
  FAIL("no error was thrown");
  return {sal::errc::internal, ""};
}

/// A function that ends its process at record 17 of partition 1 makes a job error that says so, and the context works afterwards.
template <class End>
void check_fatal(End end, const std::string& how) {
  sal::context sc(cluster_config("local-cluster[2,1,256]"));
  const auto failure = error_of([&] { sc.range(0, 200, 1, 2).map(end).count(); });
  const std::string text = failure.what();
  CAPTURE(text);
  CHECK(text.find(how) != std::string::npos);
  CHECK(text.find("map at test_fatal_tasks.cpp:") != std::string::npos);
  CHECK(text.find("partition 1") != std::string::npos);
  CHECK(text.find("record 17") != std::string::npos);
  CHECK(failure.attempts().size() >= 2);
  CHECK(sc.range(0, 100, 1, 4).count() == 100);
}

} // namespace

TEST_CASE("a task that exits fails its job with the exit code, the place and the record") {
  check_fatal(
      [](std::int64_t x) {
        if (x == 117)
          ::_exit(42);
        return x;
      },
      "code 42");
}

TEST_CASE("a task that calls exit fails its job even if the exit code is 0") {
  check_fatal(
      [](std::int64_t x) {
        if (x == 117)
          std::exit(0);
        return x;
      },
      "code 0");
}

TEST_CASE("a task that aborts fails its job with the signal, the place and the record") {
  check_fatal(
      [](std::int64_t x) {
        if (x == 117)
          std::abort();
        return x;
      },
      "signal 6");
}

TEST_CASE("a task that reads through a wild pointer fails its job with the signal, the place and the record") {
  check_fatal(
      [](std::int64_t x) {
        if (x == 117)
          ::raise(SIGSEGV);
        return x;
      },
      "signal 11");
}
