// survives_any_one_fault finds jobs that survive, and jobs that do not.
#include "fixture.hpp"

#include <atomic>
#include <set>

namespace {

faults::survival_options quick(std::vector<faults::fault_kind> kinds) {
  faults::survival_options options;
  options.master = two_executors;
  options.kinds = std::move(kinds);
  return options;
}

using outcome = faults::survival_run::outcome;

} // namespace

TEST_CASE("a good job survives any one fault") {
  auto options = quick(faults::all_fault_kinds());
  std::set<faults::fault_kind> heard;
  options.on_run = [&](const faults::survival_run& run) { heard.insert(run.kind); };
  const auto verdict = faults::survives_any_one_fault(sum_by_key, options);
  CHECK_MESSAGE(verdict, verdict.text());
  CHECK(verdict.runs().size() == faults::all_fault_kinds().size());
  CHECK(heard.size() == verdict.runs().size());
  for (const auto& run : verdict.runs()) {
    CAPTURE(run.plan.text());
    CHECK(run.how == (run.kind == faults::fault_kind::fail_write ? outcome::did_not_happen : outcome::same_answer));
    CHECK((run.report.injected_total > 0) == (run.how == outcome::same_answer));
  }
  CHECK(verdict.text().find("survived any one fault, in 14 runs") == 0);
}

TEST_CASE("a job that writes files survives a full disk") {
  const scratch out;
  std::atomic<int> runs{0};
  auto options = quick({faults::fault_kind::fail_write, faults::fault_kind::kill_executor});
  options.runs_per_kind = 2;
  const auto verdict = faults::survives_any_one_fault(
      [&](sal::context& sc) {
        const auto path = out.path() / std::to_string(runs++);
        sc.range(0, 100, 1, 4).save_as_text_file(path.string());
        std::vector<std::string> files;
        for (int i = 0; i < 4; ++i)
          files.push_back(content_of(path / ("part-0000" + std::to_string(i))));
        return files;
      },
      options);
  CHECK_MESSAGE(verdict, verdict.text());
  CHECK(verdict.runs().size() == 4);
  CHECK(verdict.runs().at(0).how == outcome::same_answer);
}

TEST_CASE("a job whose answer depends on attempts is found, with a plan to replay") {
  // It counts what tasks did on the side: a task that runs again counts twice.
  const auto impure = [](sal::context& sc) {
    const scratch out;
    const auto directory = out.path().string();
    sc.range(0, 100, 1, 4)
        .map_partitions_with_index(sal::bind_front(
            [](const std::string& where, std::uint32_t partition, auto records) {
              std::vector<std::int64_t> all;
              for (const auto x : records)
                all.push_back(x);
              auto mark = where + "/" + std::to_string(partition) + ".XXXXXX";
              std::ofstream(std::filesystem::path(mark + std::to_string(::getpid()))) << "was here";
              return all;
            },
            directory))
        .map([](std::int64_t x) {
          return std::pair{x % 4, x};
        })
        .reduce_by_key(std::plus<>{}, 2)
        .collect();
    return std::distance(std::filesystem::directory_iterator(out.path()), {});
  };
  auto options = quick({faults::fault_kind::kill_executor});
  options.runs_per_kind = 4;
  const auto verdict = faults::survives_any_one_fault(impure, options);
  CHECK_FALSE(verdict);
  const auto text = verdict.text();
  INFO(text);
  REQUIRE(verdict.first_failure());
  const auto& failure = *verdict.first_failure();
  CHECK(failure.how == outcome::other_answer);
  CHECK(text.find("the job does not survive one fault: " + failure.plan.text() + ": ANOTHER ANSWER") == 0);
  CHECK(text.find("without faults the answer was 4, now it is ") != std::string::npos);
  CHECK(text.find("replay with salamander.faults.plan='" + failure.plan.text() + "' salamander.faults.seed=1") != std::string::npos);
}

TEST_CASE("a job that allows no failed attempt does not survive an exception") {
  auto options = quick({faults::fault_kind::throw_task});
  options.settings.set("salamander.task.maxFailures", "1");
  const auto verdict = faults::survives_any_one_fault(sum_by_key, options);
  CHECK_FALSE(verdict);
  REQUIRE(verdict.first_failure());
  CHECK(verdict.first_failure()->how == outcome::failed);
  const auto text = verdict.text();
  INFO(text);
  CHECK(text.find(": FAILED") != std::string::npos);
  CHECK(text.find("injected before the first record by salamander.faults: throw task") != std::string::npos);
}

TEST_CASE("a job that is never the same, or fails by itself, is told so") {
  std::atomic<int> runs{0};
  const auto restless = faults::survives_any_one_fault([&](sal::context&) { return runs++; }, quick({faults::fault_kind::throw_task}));
  CHECK_FALSE(restless);
  CHECK(restless.runs().empty());
  CHECK(restless.text() == "the job does not repeat its own answer without any fault: without faults the answer was 0, now it is 1\n");

  const auto broken =
      faults::survives_any_one_fault([](sal::context& sc) { return sc.empty_rdd<int>().first(); }, quick({faults::fault_kind::throw_task}));
  CHECK_FALSE(broken);
  CHECK(broken.text().find("the job fails without any fault: ") == 0);
}

TEST_CASE("answers are compared as the user says") {
  auto options = quick({faults::fault_kind::delay_task});
  options.master = "local[2]";
  double drift = 0;
  const auto job = [&](sal::context& sc) { return sc.range(0, 100, 1, 4).sum() + (drift += 1e-9); };
  CHECK_FALSE(faults::survives_any_one_fault(job, options));
  const auto verdict = faults::survives_any_one_fault(job, options, [](double a, double b) { return std::abs(a - b) < 1e-6; });
  CHECK_MESSAGE(verdict, verdict.text());
}

TEST_CASE("a verdict without any fault is none") {
  const auto job = [](sal::context& sc) { return sc.range(0, 10, 1, 2).count(); };
  faults::survival_options options;
  options.master = "local[2]";
  options.kinds = {faults::fault_kind::kill_executor};
  const auto untried = faults::survives_any_one_fault(job, options);
  CHECK_FALSE(untried);
  CHECK(untried.text().find("no kind of fault was tried") != std::string::npos);
  options.kinds = {faults::fault_kind::fail_write};
  const auto unhurt = faults::survives_any_one_fault(job, options);
  CHECK_FALSE(unhurt);
  CHECK(unhurt.text().find("gave none of the faults an occasion") != std::string::npos);
}

TEST_CASE("on a local master only what can happen is tried") {
  faults::survival_options options;
  options.master = "local[2,4]";
  const auto verdict = faults::survives_any_one_fault(sum_by_key, options);
  CHECK_MESSAGE(verdict, verdict.text());
  std::set<std::string> kinds;
  for (const auto& run : verdict.runs())
    kinds.insert(std::string(faults::name_of(run.kind)));
  CHECK(kinds == std::set<std::string>{"lose block", "delay block", "throw task", "delay task", "fail allocation", "fail write"});
}

TEST_CASE("a run that takes too long has failed") {
  auto options = quick({faults::fault_kind::delay_task});
  options.master = "local[2]";
  options.time_max = 1500ms;
  std::atomic<int> runs{0};
  const auto verdict = faults::survives_any_one_fault(
      [&](sal::context& sc) {
        const bool hangs = runs++ == 2;
        return sc.range(0, 4, 1, 2)
            .map([hangs](std::int64_t x) {
              for (int i = 0; hangs && i < 3000; ++i)
                ::usleep(10000);
              return x;
            })
            .count();
      },
      options);
  CHECK_FALSE(verdict);
  CHECK(verdict.text().find("the run took longer than 1500 ms") != std::string::npos);
}

TEST_CASE("the places of faults follow the seed") {
  const auto places = [](std::uint32_t seed) {
    auto options = quick({faults::fault_kind::throw_task, faults::fault_kind::delay_task});
    options.master = "local[2,4]";
    options.seed = seed;
    options.runs_per_kind = 3;
    std::vector<std::string> all;
    for (const auto& run : faults::survives_any_one_fault(sum_by_key, options).runs())
      all.push_back(run.plan.text());
    return all;
  };
  CHECK(places(1) == places(1));
  CHECK(places(1) != places(2));
}
