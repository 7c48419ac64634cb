#include "../../support/actor_simulation.hpp"
#include "runtime_fixture.hpp"

#include <salamander/actors/scheduler_actor.hpp>

#include <doctest/doctest.h>

using namespace simulation;
using namespace std::chrono_literals;

namespace {

struct scheduled : actor_simulation {
  explicit scheduled(std::uint32_t task_failures_max = 4)
      : scheduled([&](scheduler_setup& setup) { setup.limits.task_failures_max = task_failures_max; }) {}
  explicit scheduled(const std::function<void(scheduler_setup&)>& adjust) {
    scheduler_setup setup;
    setup.progress = progress;
    setup.executors = std::make_shared<executor_board>();
    setup.log = [this](scheduler::notice::level, const std::string& text) { notices.push_back(text); };
    adjust(setup);
    scheduler = spawn_scheduler(system(), setup);
    run();
  }
  ~scheduled() {
    end(scheduler);
    for (auto& one : executors)
      end(one.second);
  }
  std::shared_ptr<executor_script> join(std::uint32_t executor, std::uint32_t cores = 2) {
    auto script = std::make_shared<executor_script>();
    executors[executor] = spawn_script(system(), script);
    tell(scheduler, executor_ready{executor, cores, 1000 + executor, executors[executor]});
    return script;
  }
  std::shared_ptr<job_record> submit(std::uint32_t partitions, bool together = false) {
    core::job_spec spec;
    auto made = runtime_test::header(50);
    made.partitions = partitions;
    const auto final = std::make_shared<runtime_test::body_node>(std::move(made));
    final->barrier = together;
    spec.final = final;
    spec.act = std::make_shared<runtime_test::body_action>(0);
    for (std::uint32_t p = 0; p < partitions; ++p)
      spec.partitions.push_back(p);
    spec.operation = "count";
    spec.site = {"a.cpp", 9};
    spec.properties = properties;
    const auto cancel = [this](std::uint32_t number, const std::string& reason) { caf::anon_send(scheduler, cancel_job{number, reason}); };
    const auto count = [board = progress](const job_report& report) { board->job_ended(report); };
    auto job = std::make_shared<job_record>(next_job++, std::move(spec), cancel, count);
    tell(scheduler, submit_job{job});
    return job;
  }
  void succeed(std::uint32_t executor, const task_order& task, const std::string& result) {
    task_report report;
    report.task = task.task;
    report.outcome = task_report::success{{runtime_test::text(result), nullptr}, false, result.size()};
    tell(scheduler, tasks_reported{executor, 0, {report}, {}});
  }
  void reach(std::uint32_t executor, const task_order& task, const std::string& text, std::uint32_t epoch = 0) {
    tell(scheduler, barrier_reached{executor, 0, {task.task, epoch, true, text}});
  }
  void fail(std::uint32_t executor, const task_order& task, const std::string& text) {
    task_report report;
    report.task = task.task;
    report.outcome = task_report::user_error{text, static_cast<std::uint8_t>(errc::task_failed)};
    tell(scheduler, tasks_reported{executor, 0, {report}, {}});
  }

  const std::shared_ptr<progress_board> progress = std::make_shared<progress_board>();
  std::vector<std::string> notices;
  scheduler_actor scheduler;
  std::map<std::uint32_t, executor_actor> executors;
  std::map<std::string, std::string> properties;
  std::uint32_t next_job = 0;
};

error error_of(job_record& job) {
  try {
    job.wait();
  } catch (const error& failure) {
    return failure;
  }
  FAIL("the job succeeded");
  return {errc::internal, ""};
}

} // namespace

TEST_CASE("a job's stage is announced once to each executor, before its tasks, and results come in order") {
  scheduled it;
  const auto script = it.join(0, 2);
  const auto job = it.submit(2);
  REQUIRE(script->stages.size() == 1);
  REQUIRE(script->tasks.size() == 2);
  CHECK(script->stages[0].plan != nullptr);
  CHECK(it.progress->stages().at(0).active == 2);
  it.succeed(0, script->tasks[1], "second");
  CHECK_FALSE(job->wait_for(0ms));
  it.succeed(0, script->tasks[0], "first");
  REQUIRE(job->wait_for(0ms));
  const auto results = job->wait();
  REQUIRE(results.size() == 2);
  CHECK(runtime_test::text_in(results[0]) == "first");
  CHECK(runtime_test::text_in(results[1]) == "second");
  CHECK(job->report().succeeded);
  CHECK(job->report().tasks_succeeded == 2);
  CHECK(it.progress->running_jobs() == 0);
  CHECK(it.progress->reports_made() == 1);
}

TEST_CASE("who waits for a job goes on also when its end cannot be counted") {
  job_record job(1, core::job_spec{}, {}, [](const job_report&) { throw std::runtime_error("no room"); });
  job.finish({});
  CHECK(job.wait_for(0ms));
  CHECK(job.report().succeeded);
}

TEST_CASE("a job waits for the first executor") {
  scheduled it;
  const auto job = it.submit(1);
  CHECK_FALSE(job->wait_for(0ms));
  const auto script = it.join(3);
  REQUIRE(script->tasks.size() == 1);
  it.succeed(3, script->tasks[0], "x");
  CHECK(job->wait_for(0ms));
}

TEST_CASE("tasks of a lost executor run on another, and its late reports are ignored") {
  scheduled it;
  const auto first = it.join(0, 1);
  const auto job = it.submit(1);
  REQUIRE(first->tasks.size() == 1);
  const auto second = it.join(1, 1);
  it.tell(it.scheduler, executor_gone{0, "killed by signal 9", {}});
  REQUIRE(second->tasks.size() == 1);
  CHECK(second->tasks[0].task != first->tasks[0].task);
  it.succeed(0, first->tasks[0], "late");
  CHECK_FALSE(job->wait_for(0ms));
  it.succeed(1, second->tasks[0], "right");
  CHECK(runtime_test::text_in(job->wait().at(0)) == "right");
  CHECK(job->report().tasks_lost == 1);
}

TEST_CASE("a task that ends its executors fails the job with the place and the record") {
  scheduled it(2);
  auto script = it.join(0, 1);
  const auto job = it.submit(1);
  for (std::uint32_t executor = 0; executor < 8 && !job->wait_for(0ms); ++executor) {
    REQUIRE(script->tasks.size() == 1);
    const auto task = script->tasks[0];
    it.tell(it.scheduler, executor_gone{executor, "killed by signal 11", std::vector<stuck_task>{{task.task, 50, 0, 17}}});
    if (executor > 0)
      CHECK(task.careful);
    script = it.join(executor + 1, 1);
  }
  const auto failure = error_of(*job);
  const std::string text = failure.what();
  CAPTURE(text);
  CHECK(text.find("test at test.cpp:1, partition 0, record 17") != std::string::npos);
  CHECK(text.find("signal 11") != std::string::npos);
}

TEST_CASE("a failing task ends its job with the first cause and all attempts") {
  scheduled it(2);
  const auto script = it.join(0, 1);
  const auto job = it.submit(1);
  it.fail(0, script->tasks.at(0), "first cause");
  it.fail(0, script->tasks.at(1), "second cause");
  const auto failure = error_of(*job);
  CAPTURE(failure.what());
  CHECK(failure.attempts().at(0).reason.find("first cause") != std::string::npos);
  CHECK(std::string(failure.what()).find("count at a.cpp:9") != std::string::npos);
  CHECK(failure.attempts().size() == 2);
}

TEST_CASE("a cancelled job fails with the reason and its attempts are cancelled") {
  scheduled it;
  const auto script = it.join(0, 1);
  const auto job = it.submit(1);
  job->cancel("changed my mind");
  it.run();
  const auto failure = error_of(*job);
  CHECK(failure.code() == errc::job_cancelled);
  CHECK(std::string(failure.what()).find("changed my mind") != std::string::npos);
  CHECK(script->cancelled.size() == 1);
}

TEST_CASE("running jobs fail when the context is shut down") {
  scheduled it;
  it.join(0, 1);
  const auto job = it.submit(4);
  it.tell(it.scheduler, shut_down{});
  const auto failure = error_of(*job);
  CHECK(failure.code() == errc::context_stopped);
  CHECK(std::string(failure.what()).find("Job 0 cancelled because the context was shut down") == 0);
}

TEST_CASE("jobs fail when no executor will ever come") {
  scheduled it;
  const auto job = it.submit(1);
  it.tell(it.scheduler, executors_given_up{"they all exit with code 1"});
  const auto failure = error_of(*job);
  CHECK(failure.code() == errc::no_executors);
  CHECK(std::string(failure.what()).find("exit with code 1") != std::string::npos);
}

TEST_CASE("unpersist waits for every live executor") {
  scheduled it;
  const auto first = it.join(0);
  const auto second = it.join(1);
  const auto done = std::make_shared<std::promise<void>>();
  auto answer = done->get_future();
  it.tell(it.scheduler, unpersist_dataset{5, done});
  REQUIRE(first->dropped.size() == 1);
  it.tell(it.scheduler, dataset_dropped{0, 0, first->dropped[0].second});
  CHECK(answer.wait_for(0s) == std::future_status::timeout);
  it.tell(it.scheduler, executor_gone{1, "gone", {}});
  CHECK(answer.wait_for(0s) == std::future_status::ready);
}

TEST_CASE("unpersist does not wait for ever for an executor that does not answer") {
  scheduled it;
  const auto first = it.join(0);
  it.join(1);
  const auto done = std::make_shared<std::promise<void>>();
  auto answer = done->get_future();
  it.tell(it.scheduler, unpersist_dataset{5, done});
  it.tell(it.scheduler, dataset_dropped{0, 0, first->dropped[0].second});
  it.pass(7900ms);
  CHECK(answer.wait_for(0s) == std::future_status::timeout);
  it.pass(200ms);
  CHECK(answer.wait_for(0s) == std::future_status::ready);
  it.tell(it.scheduler, dataset_dropped{1, 0, first->dropped[0].second}); // late, and harmless
}

TEST_CASE("a suspect executor gets no tasks until it has recovered") {
  scheduled it;
  const auto script = it.join(0, 1);
  it.tell(it.scheduler, executor_silent{0, true});
  const auto job = it.submit(1);
  CHECK(script->tasks.empty());
  it.tell(it.scheduler, executor_silent{0, false});
  CHECK(script->tasks.size() == 1);
}

TEST_CASE("a defect in the scheduler fails running jobs, cancels their tasks, and refuses later jobs with its text") {
  scheduled it([&](scheduler_setup& setup) {
    setup.log = [](scheduler::notice::level, const std::string& text) { throw std::logic_error("invented by the test: " + text); };
  });
  const auto first = it.join(0, 1);
  const auto second = it.join(1, 1);
  const auto job = it.submit(2);
  REQUIRE(second->tasks.size() == 1);
  it.tell(it.scheduler, executor_gone{0, "killed by signal 9", {}}); // is noted, so that the log throws
  REQUIRE(job->wait_for(0ms));
  const auto failure = error_of(*job);
  CHECK(failure.code() == errc::internal);
  CHECK(std::string(failure.what()).find("the context is stopped, by a defect in the scheduler: invented by the test") !=
        std::string::npos);
  CHECK(second->cancelled == std::vector{second->tasks[0].task});
  it.succeed(1, second->tasks[0], "late");
  const auto later = it.submit(1);
  REQUIRE(later->wait_for(0ms));
  const auto refusal = error_of(*later);
  CHECK(refusal.code() == errc::context_stopped);
  CHECK(std::string(refusal.what()).find("invented by the test") != std::string::npos);
  // Nothing else waits for ever either.
  const auto dropped = std::make_shared<std::promise<void>>();
  auto done = dropped->get_future();
  it.tell(it.scheduler, unpersist_dataset{50, dropped});
  const auto counted = std::make_shared<std::promise<std::uint32_t>>();
  auto count = counted->get_future();
  it.tell(it.scheduler, count_cached{50, counted});
  CHECK(count.wait_for(0ms) == std::future_status::ready);
  it.tell(it.scheduler, executor_gone{1, "killed by signal 9", {}});
  CHECK(done.wait_for(0ms) == std::future_status::ready);
  it.tell(it.scheduler, wake{});
}

TEST_CASE("an executor that is excluded is killed by whoever started it") {
  std::vector<std::uint32_t> killed;
  scheduled it([&](scheduler_setup& setup) {
    setup.limits.exclusion.tasks_and_stages = true;
    setup.kill = [&](std::uint32_t executor, const std::string&) { killed.push_back(executor); };
  });
  const auto script = it.join(7, 1);
  it.submit(1);
  it.fail(7, script->tasks.at(0), "a bad disk");
  CHECK(killed == std::vector{7U});
}

TEST_CASE("a job uses the pool that its property names") {
  scheduled it([&](scheduler_setup& setup) {
    setup.limits.fair = true;
    setup.limits.pools = {{"favoured", 1, 1, false}};
  });
  it.submit(4);
  it.properties["salamander.scheduler.pool"] = "favoured";
  it.submit(4);
  const auto script = it.join(0, 1);
  REQUIRE(script->tasks.size() == 1);
  CHECK(script->tasks[0].stage == 1);
}

TEST_CASE("a slow task is copied to another executor, the loser is cancelled, and both are counted") {
  scheduled it([&](scheduler_setup& setup) { setup.limits.speculation.tasks_min = 2; });
  const auto first = it.join(0, 2);
  const auto second = it.join(1, 2);
  const auto job = it.submit(4);
  REQUIRE(first->tasks.size() == 2);
  it.succeed(1, second->tasks[0], "a");
  it.succeed(1, second->tasks[1], "b");
  it.succeed(0, first->tasks[0], "c");
  it.pass(1s);
  REQUIRE(second->tasks.size() == 3);
  CHECK(second->tasks[2].partition == first->tasks[1].partition);
  it.succeed(1, second->tasks[2], "d");
  REQUIRE(job->wait_for(0ms));
  CHECK(first->cancelled == std::vector{first->tasks[1].task});
  CHECK(job->report().speculative_launched == 1);
  CHECK(job->report().speculative_won == 1);
}

TEST_CASE("a result that cannot be fetched from its executor is a failure of its task, which runs again") {
  struct lossy final : result_fetcher {
    void fetch(std::uint32_t executor, task_report report, std::function<void(task_report)> then) override {
      ++asked;
      report.outcome = task_report::user_error{"the result of the task was lost with executor " + std::to_string(executor),
                                               static_cast<std::uint8_t>(errc::executor_lost)};
      then(std::move(report));
    }
    int asked = 0;
  };
  const auto fetcher = std::make_shared<lossy>();
  scheduled it([&](scheduler_setup& setup) { setup.fetcher = fetcher; });
  const auto script = it.join(0, 1);
  const auto job = it.submit(1);
  for (std::size_t i = 0; i < 4; ++i) {
    REQUIRE(script->tasks.size() == i + 1);
    task_report report;
    report.task = script->tasks[i].task;
    report.outcome = task_report::success{{}, true, 5};
    it.tell(it.scheduler, tasks_reported{0, 0, {report}, {}});
  }
  CHECK(fetcher->asked == 4);
  const auto failure = error_of(*job);
  CHECK(failure.code() == errc::executor_lost);
  CHECK(std::string(failure.what()).find("failed 4 times, most recent failure: the result of the task was lost") != std::string::npos);
}

namespace {

/// A barrier stage of three tasks: two on executor 0, one on executor 1.
struct gang : scheduled {
  explicit gang(scheduler::duration timeout = 1h) : scheduled([&](scheduler_setup& setup) { setup.barriers.sync_timeout = timeout; }) {
    REQUIRE(first->tasks.size() == 2);
    REQUIRE(second->tasks.size() == 1);
  }
  const std::shared_ptr<executor_script> first = join(0, 2);
  const std::shared_ptr<executor_script> second = join(1, 1);
  const std::shared_ptr<job_record> job = submit(3, true);
};

} // namespace

TEST_CASE("executors are told where the tasks of a barrier stage run, and each gets one answer when all have come") {
  gang it;
  for (const auto& script : {it.first, it.second}) {
    REQUIRE(script->stages.size() == 1);
    const auto& places = script->stages[0].gang;
    REQUIRE(places.size() == 3);
    CHECK(places[it.first->tasks[0].partition].executor == 0);
    CHECK(places[it.second->tasks[0].partition].executor == 1);
    CHECK(places[0].address == "localhost");
  }
  it.reach(0, it.first->tasks[0], "a");
  it.reach(1, it.second->tasks[0], "b");
  it.reach(1, it.second->tasks[0], "b"); // twice
  CHECK(it.first->answers.empty());
  it.reach(0, it.first->tasks[1], "c");
  REQUIRE(it.first->answers.size() == 1);
  CHECK(it.first->answers[0].tasks.size() == 2);
  CHECK(it.first->answers[0].error.empty());
  std::vector<std::string> expected(3);
  expected[it.first->tasks[0].partition] = "a";
  expected[it.second->tasks[0].partition] = "b";
  expected[it.first->tasks[1].partition] = "c";
  CHECK(it.first->answers[0].gathered == expected);
  REQUIRE(it.second->answers.size() == 1);
  CHECK(it.second->answers[0].tasks == std::vector{it.second->tasks[0].task});
  CHECK(it.second->answers[0].gathered == expected);
}

TEST_CASE("tasks that wait for one that has ended are told so") {
  gang it;
  it.reach(0, it.first->tasks[0], "a");
  it.succeed(1, it.second->tasks[0], "x");
  REQUIRE(it.first->answers.size() == 1);
  CHECK(it.first->answers[0].error.find("has ended without reaching barrier epoch 0 from Stage 0 (Attempt 0)") != std::string::npos);
  CHECK(it.first->answers[0].tasks == std::vector{it.first->tasks[0].task});
}

TEST_CASE("tasks that wait too long for another one are told so") {
  gang it(5s);
  it.reach(0, it.first->tasks[0], "a");
  it.pass(4s);
  CHECK(it.first->answers.empty());
  it.pass(2s);
  REQUIRE(it.first->answers.size() == 1);
  CHECK(it.first->answers[0].error.find("within 5 second(s)") != std::string::npos);
  CHECK(it.second->answers.empty());
}

TEST_CASE("a barrier stage that loses an executor is sent again as a whole, with its new places, and waits anew") {
  gang it;
  it.reach(0, it.first->tasks[0], "a");
  it.reach(1, it.second->tasks[0], "b");
  it.tell(it.scheduler, executor_gone{1, "killed by signal 9", {}});
  CHECK(it.first->cancelled.size() == 2);
  const auto third = it.join(2, 1);
  for (std::size_t i = 0; i < 2; ++i) {
    task_report ended;
    ended.task = it.first->tasks[i].task;
    ended.outcome = task_report::cancelled{};
    it.tell(it.scheduler, tasks_reported{0, 0, {ended}, {}});
  }
  REQUIRE(it.first->tasks.size() == 4);
  REQUIRE(third->tasks.size() == 1);
  REQUIRE(it.first->stages.size() == 2);
  CHECK(it.first->stages[1].gang.at(third->tasks[0].partition).executor == 2);
  it.reach(2, third->tasks[0], "new b");
  it.reach(0, it.first->tasks[2], "new a");
  CHECK(it.first->answers.empty());
  it.reach(0, it.first->tasks[3], "new c");
  REQUIRE(third->answers.size() == 1);
  CHECK(third->answers[0].gathered.at(third->tasks[0].partition) == "new b");
}

TEST_CASE("the scheduler wakes for its own waits, and for those of the state machine") {
  scheduled it([](scheduler_setup& setup) {
    setup.limits.barrier.slots_check_interval = 10s;
    setup.limits.barrier.slots_check_failures_max = 1;
    setup.barriers.sync_timeout = 2s;
  });
  const auto script = it.join(0, 2);
  it.submit(2, true);
  it.reach(0, script->tasks.at(0), "a");
  const auto waits = it.submit(3, true);
  it.pass(9s);
  CHECK(script->answers.size() == 1);
  CHECK_FALSE(waits->wait_for(0ms));
  it.pass(12s);
  CHECK(std::string(error_of(*waits).what()).find("requires more slots than there are") != std::string::npos);
}
