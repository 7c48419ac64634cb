// Accumulators count each partition once, and broadcast values arrive, whatever goes wrong.
#include "fixture.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <thread>

namespace {

/// What came out, and how many records each part of the pipeline has seen.
struct answer {
  sums result;
  std::int64_t mapped = 0;  ///< before the shuffle
  std::int64_t cached = 0;  ///< while a dataset is computed that is cached
  std::int64_t reduced = 0; ///< behind the shuffle

  friend bool operator==(const answer&, const answer&) = default;
  friend std::ostream& operator<<(std::ostream& out, const answer& one) {
    return out << one.result.size() << " sums, counted " << one.mapped << ", " << one.cached << ", " << one.reduced;
  }
};

/// Two jobs over a cached dataset and a shuffle that both read.
answer count_everything(sal::context& sc) {
  const auto mapped = sc.accumulator(std::int64_t{0}, "mapped");
  const auto cached = sc.accumulator(std::int64_t{0}, "cached");
  const auto reduced = sc.accumulator(std::int64_t{0}, "reduced");
  const auto weights = sc.broadcast(std::vector<std::int64_t>{1, 10, 100});
  const auto kept = sc.range(0, numbers, 1, map_tasks)
                        .map([cached](std::int64_t x) {
                          cached += 1;
                          return x;
                        })
                        .cache();
  const auto by_key = kept.map([mapped, weights](std::int64_t x) {
                            mapped += 1;
                            return std::pair{x % 64, weights->at(static_cast<std::size_t>(x % 3)) * x};
                          })
                          .reduce_by_key(std::plus<>{}, reduce_tasks)
                          .map([reduced](const std::pair<std::int64_t, std::int64_t>& sum) {
                            reduced += 1;
                            return sum;
                          });
  const auto first = by_key.collect_as_map();
  const auto all = by_key.collect_as_map();
  CHECK(first == all);
  CHECK(kept.count() == numbers);
  return {{all.begin(), all.end()}, mapped.value(), cached.value(), reduced.value()};
}

} // namespace

TEST_CASE("accumulators and broadcast values survive any one fault") {
  faults::survival_options options;
  options.master = two_executors;
  options.runs_per_kind = 3;
  const auto verdict = faults::survives_any_one_fault(count_everything, options);
  CHECK_MESSAGE(verdict, verdict.text());
  sal::context sc(settings_for(two_executors, {}));
  const auto undisturbed = count_everything(sc);
  CHECK(undisturbed.mapped == numbers);
  CHECK(undisturbed.cached == numbers);
  CHECK(undisturbed.reduced == 2 * 64); // two jobs
}

TEST_CASE("a map side that is computed again after the loss of an executor counts once") {
  for (const auto* text : {"kill executor=0 at-stage=1", "kill executor=1 after-tasks=3", "corrupt block=shuffle stage=1 tries=2",
                           "lose block=shuffle stage=1 probability=0.3 times=3", "throw task stage=0 partition=2 batch=1"}) {
    CAPTURE(text);
    sal::context sc(settings_for(two_executors, faults::fault_plan::parse(text)));
    const auto mapped = sc.accumulator(std::int64_t{0});
    const auto result = sc.range(0, numbers, 1, map_tasks)
                            .map([mapped](std::int64_t x) {
                              mapped += 1;
                              return std::pair{x % 64, x};
                            })
                            .reduce_by_key(std::plus<>{}, reduce_tasks)
                            .collect_as_map();
    CHECK(sums(result.begin(), result.end()) == expected_sums());
    CHECK(mapped.value() == numbers);
    CHECK(faults::report(sc).injected_total > 0);
  }
}

TEST_CASE("of a slow task and its copy one counts") {
  sal::context sc(settings_for(two_executors, faults::fault_plan::parse("delay task stage=0 partition=19 by=5s"))
                      .set("salamander.speculation.minTaskRuntime", "10ms"));
  const auto seen = sc.accumulator(0);
  CHECK(sc.range(0, 20, 1, 20)
            .map([seen](std::int64_t x) {
              std::this_thread::sleep_for(2ms);
              seen += 1;
              return x;
            })
            .count() == 20);
  CHECK(sc.last_job().speculative_launched > 0);
  CHECK(seen.value() == 20);
}

TEST_CASE("a partition that a failed task has cached counts, once") {
  sal::context sc(settings_for("local-cluster[1,1,256]", {}));
  const scratch marks;
  const auto seen = sc.accumulator(0);
  const auto kept = sc.range(0, 100, 1, 2)
                        .map([seen](std::int64_t x) {
                          seen += 1;
                          return x;
                        })
                        .cache();
  // It fails when its partition is in the cache already: the second attempt reads it from there, and adds nothing itself.
  const auto fails_once = sal::bind_front(
      [](const std::string& mark, std::int64_t x) {
        const int file = ::open(mark.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (file >= 0)
          ::close(file);
        if (file >= 0)
          throw std::runtime_error("the first time");
        return x;
      },
      (marks.path() / "once").string());
  CHECK(kept.map(fails_once).count() == 100);
  CHECK(sc.last_job().tasks_failed == 1);
  CHECK(seen.value() == 100);
}

TEST_CASE("an executor that takes the place of a lost one fetches broadcast values again") {
  sal::context sc(settings_for(two_executors, faults::fault_plan::parse("kill executor=0 at-stage=1")));
  std::vector<std::uint64_t> numbers_sent(1'500'000, 1);
  const auto sent = sc.broadcast(std::move(numbers_sent));
  const auto size = [sent](std::int64_t) { return sent->size(); };
  const auto right = std::vector<std::size_t>(4, 1'500'000);
  CHECK(sc.range(0, 4, 1, 4).map(size).collect() == right);
  CHECK(sc.range(0, 4, 1, 4).map(size).collect() == right);
  CHECK(sc.range(0, 4, 1, 4).map(size).collect() == right);
  CHECK(faults::report(sc).injected_total == 1);
}
