// Stages whose tasks run at the same time and wait for each other.
#include "fixture.hpp"

#include <chrono>
#include <thread>

namespace {

using namespace std::chrono_literals;
using numbers = sal::record_range<std::int64_t>;

/// The master under test, with several attempts for a task; in local mode there is one.
sal::config patient() {
  sal::config settings;
  settings.set_app_name("barrier tests").set("salamander.log.level", "error");
  if (settings.get("salamander.master", "local").starts_with("local["))
    settings.set_master("local[4,3]");
  return settings;
}

/// What the job of two tasks that do this fails with.
template <class F>
std::string failure_of(sal::context& sc, F f) {
  std::string text;
  code_of([&] { sc.range(0, 2, 1, 2).barrier().map_partitions_with_index(f).collect(); }, &text);
  return text;
}

bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

} // namespace

TEST_CASE_FIXTURE(api, "what tasks of a barrier stage did before they waited is done when they go on") {
  const scratch shared;
  const auto seen = sc.range(0, 2, 1, 2)
                        .barrier()
                        .map_partitions_with_index(sal::bind_front(
                            [](const std::string& directory, std::uint32_t p, numbers) {
                              std::ofstream(directory + "/" + std::to_string(p)) << p;
                              sal::barrier_here().wait();
                              return std::vector<int>{std::filesystem::exists(directory + "/0"), std::filesystem::exists(directory + "/1")};
                            },
                            shared.path().string()))
                        .collect();
  CHECK(seen == std::vector{1, 1, 1, 1});
}

TEST_CASE_FIXTURE(api, "tasks of a barrier stage gather what all of them give, by partition, as often as they like") {
  const auto gathered = sc.range(0, 2, 1, 2)
                            .barrier()
                            .map_partitions([](numbers) {
                              const auto here = sal::barrier_here();
                              const auto mine = std::to_string(here.partition());
                              std::string all;
                              for (int round = 0; round < 20; ++round) {
                                for (const auto& one : here.all_gather(mine + "." + std::to_string(round)))
                                  all += one + " ";
                                here.wait();
                              }
                              return std::vector{all};
                            })
                            .collect();
  REQUIRE(gathered.size() == 2);
  CHECK(gathered[0] == gathered[1]);
  CHECK(gathered[0].starts_with("0.0 1.0 0.1 1.1 0.2 "));
  CHECK(gathered[0].ends_with("0.19 1.19 "));
}

TEST_CASE_FIXTURE(api, "a task of a barrier stage knows where the others run, and what other tasks know of themselves") {
  const auto told = sc.range(0, 2, 1, 2)
                        .barrier()
                        .map_partitions([](numbers) {
                          const auto here = sal::barrier_here();
                          std::string text = std::to_string(here.partition()) + "." + std::to_string(here.attempt());
                          for (const auto& one : here.task_infos())
                            text += " " + one.address + " " + std::to_string(one.executor);
                          return std::vector{text};
                        })
                        .collect();
  REQUIRE(told.size() == 2);
  CHECK(told[0].starts_with("0.0 localhost "));
  CHECK(told[0].substr(3) == told[1].substr(3));
}

TEST_CASE_FIXTURE(api, "a barrier stage may come before a shuffle, behind one, and between two") {
  const auto all_wait = [](auto records) {
    sal::barrier_here().wait();
    return std::vector<std::pair<std::int64_t, std::int64_t>>(records.begin(), records.end());
  };
  const auto sums = sc.range(0, 100, 1, 2)
                        .map([](std::int64_t x) { return std::pair(x % 3, x); })
                        .barrier()
                        .map_partitions(all_wait)
                        .reduce_by_key(std::plus<>{}, 2)
                        .barrier()
                        .map_partitions(all_wait, true)
                        .map_values([](std::int64_t sum) { return sum + 1; })
                        .collect();
  CHECK(sorted(sums) == std::vector<std::pair<std::int64_t, std::int64_t>>{{0, 1684}, {1, 1618}, {2, 1651}});
}

TEST_CASE("when a task of a barrier stage fails, all of them run again") {
  sal::context sc(patient());
  const scratch shared;
  const auto attempts = sc.range(0, 2, 1, 2)
                            .barrier()
                            .map_partitions_with_index(sal::bind_front(
                                [](const std::string& directory, std::uint32_t p, numbers) {
                                  const auto here = sal::barrier_here();
                                  const auto attempt = here.stage_attempt();
                                  std::ofstream(directory + "/" + std::to_string(p) + "." + std::to_string(attempt)) << p;
                                  here.wait();
                                  if (p == 1 && attempt == 0)
                                    throw std::runtime_error("not the first time");
                                  here.wait(); // the other one waits here, and is cancelled
                                  return std::vector{attempt};
                                },
                                shared.path().string()))
                            .collect();
  CHECK(attempts == std::vector<std::uint32_t>{1, 1});
  for (const auto* one : {"0.0", "1.0", "0.1", "1.1"})
    CHECK(std::filesystem::exists(shared.path() / one));
}

TEST_CASE_FIXTURE(api, "a barrier stage with more tasks than there are cores fails with advice, and nothing runs") {
  std::string text;
  const auto tried = sc.accumulator(std::int64_t{0});
  const auto many = sc.range(0, 5, 1, 5).barrier().map_partitions([tried](numbers records) {
    tried += 1;
    return std::vector<std::int64_t>(records.begin(), records.end());
  });
  CHECK(code_of([&] { many.collect(); }, &text) == sal::errc::stage_aborted);
  CAPTURE(text);
  CHECK(says(text, "requires more slots than there are: its 5 tasks need as many slots at the same time, and there are "));
  CHECK(tried.value() == 0);
  CHECK(sc.range(0, 4, 1, 4).count() == 4);
}

TEST_CASE_FIXTURE(api, "what computes some partitions of a barrier stage is refused with advice") {
  const auto together = sc.range(0, 2, 1, 2).barrier().map_partitions([](numbers records) {
    sal::barrier_here().wait();
    return std::vector<std::int64_t>(records.begin(), records.end());
  });
  std::string text;
  CHECK(code_of([&] { together.first(); }, &text) == sal::errc::invalid_argument);
  CHECK(says(text, "is a barrier stage, and cannot be run as one: "));
  CHECK(code_of([&] { together.coalesce(1).count(); }) == sal::errc::invalid_argument);
  CHECK(code_of([&] { together.union_with(sc.range(0, 1, 1, 1)).count(); }) == sal::errc::invalid_argument);
  CHECK(together.repartition(3).count() == 2);
}

TEST_CASE_FIXTURE(api, "barriers outside of barrier stages are refused, on the driver and in tasks") {
  std::string text;
  CHECK(code_of([] { sal::barrier_here(); }, &text) == sal::errc::invalid_argument);
  CHECK(says(text, "this one runs none"));
  CHECK(code_of([&] { sc.range(0, 1, 1, 1).foreach ([](std::int64_t) { sal::barrier_here().wait(); }); }, &text) ==
        sal::errc::invalid_argument);
  CHECK(says(text, "is none: use dataset.barrier().map_partitions(f)"));
}

TEST_CASE("tasks that wait for what will not come fail with the reason") {
  auto settings = patient();
  SUBCASE("another one has ended") {
    sal::context sc(settings);
    const auto text = failure_of(sc, [](std::uint32_t p, numbers) {
      if (p == 0)
        sal::barrier_here().wait();
      return std::vector{p};
    });
    CAPTURE(text);
    CHECK(says(text, "The task of partition 1 has ended without reaching barrier epoch 0 from Stage 0 (Attempt "));
    CHECK(says(text, "map_partitions_with_index at test_barrier.cpp:"));
  }
  SUBCASE("another one does something else") {
    sal::context sc(settings);
    const auto text = failure_of(sc, [](std::uint32_t p, numbers) {
      if (p == 0)
        sal::barrier_here().wait();
      else
        sal::barrier_here().all_gather("x");
      return std::vector{p};
    });
    CAPTURE(text);
    CHECK(says(text, "Different barrier sync types found for the sync barrier epoch 0 from Stage 0"));
  }
  SUBCASE("another one is too slow") {
    sal::context sc(settings.set("salamander.barrier.sync.timeout", "100ms"));
    const auto text = failure_of(sc, [](std::uint32_t p, numbers) {
      if (p == 0)
        sal::barrier_here().wait();
      while (!sal::current_task()->cancelled())
        std::this_thread::sleep_for(1ms);
      return std::vector{p};
    });
    CAPTURE(text);
    CHECK(says(text, "The coordinator didn't get all barrier sync requests for barrier epoch 0 from Stage 0 (Attempt "));
    CHECK(says(text, "salamander.barrier.sync.timeout"));
  }
  SUBCASE("the texts are too long") {
    sal::context sc(settings);
    const auto text = failure_of(sc, [](std::uint32_t p, numbers) {
      sal::barrier_here().all_gather(std::string(sal::barrier_task::text_bytes_max + 1, 'x'));
      return std::vector{p};
    });
    CAPTURE(text);
    CHECK(says(text, "all_gather was given a text of 65537 bytes, and takes 65536 at most"));
  }
}

TEST_CASE_FIXTURE(api, "a job whose tasks wait at a barrier can be cancelled, and its cores are free for the next") {
  const auto all_wait = [](std::uint32_t p, numbers) {
    if (p == 0)
      sal::barrier_here().wait();
    while (p == 1 && !sal::current_task()->cancelled())
      std::this_thread::sleep_for(1ms);
    return std::vector{p};
  };
  auto job = sc.range(0, 2, 1, 2).barrier().map_partitions_with_index(all_wait).collect_async();
  job.cancel("enough");
  std::string text;
  CHECK(code_of([&] { job.get(); }, &text) == sal::errc::job_cancelled);
  CHECK(sc.range(0, 2, 1, 2).barrier().map_partitions([](numbers) { return std::vector{sal::barrier_here().all_gather("").size()}; }).collect() ==
        std::vector<std::size_t>{2, 2});
}
