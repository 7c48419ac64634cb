// What a session hears from the application, and what it thinks of it.
#include "harness/session.hpp"

#include "harness/honesty.hpp"
#include "harness/job_mix.hpp"

#include <thread>

namespace chaos {
namespace {

constexpr milliseconds turn_pause{25};
/// Looking through all processes costs processor time that the application may need more.
constexpr milliseconds look_interval{200};
/// A longer turn means that this process did not get the processor, and perhaps the application did not either.
constexpr milliseconds turn_max{300};
/// With less of the processor than that, heartbeats may be late by themselves.
constexpr double share_that_suffices = 0.25;
constexpr std::uint64_t busy_fault = 0;
/// Messages may come later than what they are about.
constexpr std::chrono::seconds message_delay{10};

milliseconds since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - begin);
}

} // namespace

bool session::patient(std::chrono::duration<double> since, std::chrono::seconds limit) const {
  return patience_ - since <= limit;
}

bool session::turn() {
  const auto begin = clock::now();
  std::this_thread::sleep_for(turn_pause);
  if (scene_.driver) {
    std::vector<std::string> strange;
    for (const auto& event : scene_.driver->events(strange))
      std::visit([this](const auto& what) { hear(what); }, event);
    for (const auto& line : strange) // of an executor: they have the same standard output
      if (!explained(line))
        throw broken_promise("the driver program printed something else than a verdict: " + line);
    read_errors();
  }
  const bool looks = begin - looked_ >= look_interval;
  if (looks)
    look_around();
  last_turn_ = std::chrono::duration_cast<milliseconds>(clock::now() - begin);
  patience_ += share_ * std::min(last_turn_, turn_max);
  if (last_turn_ > turn_max || share_ < share_that_suffices) {
    if (last_turn_ > turn_max)
      log_.note("the machine is busy: nothing was done for " + std::to_string(last_turn_.count()) + " ms");
    blame_.begin(busy_fault, cause::machine_busy, begin);
    blame_.end(busy_fault, clock::now());
  }
  return looks;
}

void session::look_around() {
  looked_ = clock::now();
  bury_orphans(scene_.driver ? scene_.driver->id() : 0);
  if (!scene_.driver)
    return;
  share_ = processor_.measure(descendants());
  for (const auto& one : targets_)
    one->tick(scene_);
  for (const auto& one : scene_.executors())
    executors_seen_.insert(one.number);
}

void session::hear(const program_ready&) {
  ready_ = true;
}

void session::hear(const program_stopped&) {
  stopped_ = true;
}

void session::hear(const job_begun&) {}

void session::hear(const program_unready& event) {
  throw broken_promise("without faults, the context could not be made: " + event.code + ": " + event.text);
}

void session::hear(const verdict& result) {
  if (!job_ || job_->request.number != result.number)
    throw broken_promise("a verdict on job " + std::to_string(result.number) + ", which was not asked for");
  const auto title = "job " + std::to_string(result.number) + " " + job_->request.job;
  switch (result.what) {
  case outcome::right:
    ++summary_.jobs[job_->request.job].right;
    if (job_->after_faults)
      ++right_since_heal_;
    log_.note(title + ": right after " + std::to_string(since(job_->asked).count()) + " ms");
    break;
  case outcome::wrong:
    throw broken_promise(title + " gave a wrong answer: " + result.text);
  case outcome::failed:
    judge_failure(result);
    break;
  }
  blame_.end(job_->request.seed, clock::now());
  job_.reset();
}

void session::judge_failure(const verdict& result) {
  const auto title = "job " + std::to_string(result.number) + " " + job_->request.job;
  log_.note(title + ": failed after " + std::to_string(since(job_->asked).count()) + " ms, " + result.code + ": " +
            result.text.substr(0, 300));
  const auto at_work = blame_.between(job_->asked, clock::now());
  if (!overlap(excuses_of_code(result.code), at_work))
    throw broken_promise(title + " failed for a reason that no fault explains: " + result.code + ": " + result.text);
  ++summary_.jobs[job_->request.job].failed;
  ++summary_.failure_codes[result.code];
}

void session::read_errors() {
  for (const auto& line : scene_.driver->error_lines()) {
    messages_.add(line);
    if (judge_line(line).alarming && !explained(line))
      throw broken_promise("a message that no fault explains: " + line);
  }
}

bool session::explained(const std::string& line) {
  const auto now = clock::now();
  const auto found = judge_line(line);
  if (!overlap(found.excuses, blame_.between(now - message_delay, now)))
    return false;
  ++summary_.errors[std::string(found.words)];
  return true;
}

void session::keep_busy(bool during_faults) {
  if (!ready_ || job_ || scene_.expected_end != driver_end::none)
    return;
  auto request = during_faults ? job_during_faults(seed_, next_job_) : job_after_faults(seed_, next_job_);
  ++next_job_;
  scene_.driver->ask(request);
  // Such a job is a fault itself, to the executors and to whatever follows.
  if (request.job == "fatal_task")
    blame_.begin(request.seed, cause::executor_gone, clock::now());
  job_ = running_job{std::move(request), clock::now(), !during_faults};
}

void session::add_bug(std::string text) {
  summary_.bugs.push_back(std::move(text));
}

byte_proxy::totals session::line_counts() const {
  return proxy_.counts();
}

} // namespace chaos
