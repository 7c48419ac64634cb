// What is an honest failure, and what a bug.
#include <doctest/doctest.h>

#include "harness/blame.hpp"
#include "harness/honesty.hpp"
#include "harness/log_tail.hpp"
#include "verdict.hpp"

namespace {

using namespace chaos;
using namespace std::chrono_literals;

line_judgement judge(const std::string& text) {
  return judge_line("2024-05-01 10:00:00.000 " + text);
}

} // namespace

TEST_CASE("an error code is excused by the faults that can cause it and by no other") {
  CHECK(overlap(excuses_of_code("executor_lost"), cause::executor_gone));
  CHECK(overlap(excuses_of_code("stage_aborted"), cause::blocks_broken));
  CHECK(overlap(excuses_of_code("input/output_error"), cause::output_disk_full));
  CHECK_FALSE(overlap(excuses_of_code("input/output_error"), cause::executor_gone));
  CHECK_FALSE(overlap(excuses_of_code("out_of_memory"), cause::blocks_broken));
  for (const char* const never : {"internal_error", "corrupt_data", "task_failed", "job_cancelled", "context_stopped", "no such code"})
    CHECK(excuses_of_code(never) == cause::none);
}

TEST_CASE("messages below error level are no alarm") {
  CHECK_FALSE(judge("I salamander driver: executor 3 registered: process 12, 1 cores").alarming);
  CHECK_FALSE(judge("W salamander driver: executor 3 is lost (killed by signal 9 (Killed))").alarming);
}

TEST_CASE("messages at error level need a fault that explains them") {
  const auto gone = judge("E salamander executor 3: ending: the driver went away");
  CHECK(gone.alarming);
  CHECK(overlap(gone.excuses, cause::control_broken));
  CHECK_FALSE(overlap(gone.excuses, cause::output_disk_full));
  const auto unheard_of = judge("E salamander driver: an actor did not end when the context was stopped");
  CHECK(unheard_of.alarming);
  CHECK(unheard_of.excuses == cause::none);
}

TEST_CASE("nothing excuses what sanitizers and assertions say, and memory alone excuses its own exception") {
  for (const char* const text : {"==12==ERROR: AddressSanitizer: heap-use-after-free", "a.cpp:12:3: runtime error: signed integer overflow",
                                 "WARNING: ThreadSanitizer: data race", "chaos_driver: a.cpp:12: void f(): Assertion `x' failed.",
                                 "double free or corruption (out)", "malloc(): unaligned tcache chunk detected"}) {
    CAPTURE(text);
    CHECK(judge_line(text).alarming);
    CHECK(judge_line(text).excuses == cause::none);
  }
  CHECK(judge_line("terminate called after throwing an instance of 'std::bad_alloc'").excuses == cause::memory_short);
  CHECK(judge_line("*** unhandled exception: [id: 4, name: broker, exception typeid: St9bad_alloc]: std::bad_alloc").excuses ==
        cause::memory_short);
  CHECK(judge_line("*** unhandled exception: [id: 4, name: broker, exception typeid: St11logic_error]: no").excuses == cause::none);
  CHECK(judge_line("terminate called after throwing an instance of 'std::logic_error'").alarming);
  CHECK(judge_line("terminate called after throwing an instance of 'std::logic_error'").excuses == cause::none);
}

TEST_CASE("a fault explains what happens while it is at work and shortly after") {
  blame all;
  const blame::time_point start{1h};
  all.begin(1, cause::executor_gone, start + 10s);
  all.begin(2, cause::blocks_broken, start + 20s);
  all.end(1, start + 12s);
  CHECK(all.between(start, start + 9s) == cause::none);
  CHECK(all.between(start, start + 11s) == cause::executor_gone);
  CHECK(all.between(start + 15s, start + 16s) == cause::executor_gone);
  CHECK(all.between(start + 25s, start + 26s) == (cause::executor_gone | cause::blocks_broken));
  CHECK(all.between(start + 1000s, start + 1001s) == cause::blocks_broken);
  all.end_all(start + 30s);
  CHECK(all.between(start + 1000s, start + 1001s) == cause::none);
  CHECK(all.between(start + 49s, start + 60s) == cause::blocks_broken);
}

TEST_CASE("requests and verdicts are read as they were written") {
  const auto request = read_request(to_line(job_request{7, 12345678901ULL, "word_count"}));
  REQUIRE(request);
  CHECK(request->number == 7);
  CHECK(request->seed == 12345678901ULL);
  CHECK(request->job == "word_count");
  CHECK_FALSE(read_request("walk 1 2 word_count"));
  CHECK_FALSE(read_request("run x"));

  const auto event = read_event(to_line(verdict{9, outcome::failed, "executor_lost", "Task 1 ended\n2 executors"}));
  REQUIRE(event);
  const auto& found = std::get<verdict>(*event);
  CHECK(found.number == 9);
  CHECK(found.what == outcome::failed);
  CHECK(found.code == "executor_lost");
  CHECK(found.text == "Task 1 ended 2 executors");
  CHECK(std::holds_alternative<program_ready>(*read_event(to_line(program_ready{}))));
  CHECK(std::holds_alternative<program_stopped>(*read_event(to_line(program_stopped{}))));
  CHECK(std::get<job_begun>(*read_event(to_line(job_begun{4}))).number == 4);
  CHECK(std::get<program_unready>(*read_event(to_line(program_unready{"no_executors", "why not"}))).text == "why not");
  for (const char* const line : {"", "end", "end 1 perhaps - x", "hello", "begin"})
    CHECK_FALSE(read_event(line));
}

TEST_CASE("the last messages of each process are kept apart") {
  log_tail tail;
  for (int i = 0; i < 100; ++i)
    tail.add("2024-05-01 10:00:00.000 I salamander driver: message " + std::to_string(i) + ".");
  tail.add("2024-05-01 10:00:01.000 E salamander executor 3: ending: the driver went away");
  tail.add("Aborted");
  const auto text = tail.text();
  CHECK(text.find("message 99.") != std::string::npos);
  CHECK(text.find("message 3.") == std::string::npos);
  CHECK(text.find("last messages: executor 3\n") != std::string::npos);
  CHECK(text.find("Aborted") != std::string::npos);
}
