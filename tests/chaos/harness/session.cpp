#include "harness/session.hpp"

#include "harness/stacks.hpp"
#include "jobs/saved_output.hpp"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace chaos {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds start_max{60};
/// After the last fault is healed, jobs succeed within this time.
constexpr std::chrono::seconds recovery_max{30};
/// After that, processes, files and sockets are as many as at the begin.
constexpr std::chrono::seconds rest_max{20};
/// After the driver's end nothing of it is left.
constexpr std::chrono::seconds burial_max{30};
constexpr std::uint32_t right_jobs_after_faults = 2;

std::string in_seconds(milliseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", static_cast<double>(time.count()) / 1000);
  return text;
}

std::string joined(const std::vector<std::string>& all) {
  std::string text;
  for (const auto& one : all)
    text += (text.empty() ? "" : "; ") + one;
  return text;
}

} // namespace

session::session(const chaos_options& options, std::uint64_t seed, const run_places& places, bool isolated, timeline& log)
    : options_(options), seed_(seed), places_(places), log_(log), targets_(all_targets()), kinds_(all_kinds(options.only)),
      generation_(options.first.application - 1), next_job_(options.first.job) {
  scene_.local = places.local;
  scene_.output = places.output;
  scene_.blocks = places.blocks;
  scene_.isolated = isolated;
  scene_.proxy = &proxy_;
  for (const auto& kind : kinds_)
    summary_.faults[kind.name] = {};
  control_port_ = proxy_.listen_tcp("control", [process = driver_process_] { return listening_port_of(process->load()); });
}

session::~session() {
  abandon();
}

target& session::owner_of(const planned_fault& fault) {
  for (const auto& one : targets_)
    for (const auto& kind : one->kinds())
      if (kind.name == fault.kind.name)
        return *one;
  throw std::logic_error("nobody knows the fault " + fault.kind.name);
}

void session::start_application() {
  ++generation_;
  ++summary_.drivers;
  chaos::start_application(scene_, places_, options_.driver, seed_, generation_, control_port_,
                           places_.home / ("application-" + std::to_string(generation_) + ".log"));
  *driver_process_ = scene_.driver->id();
  executors_seen_.clear();
  ready_ = stopped_ = false;
  job_.reset();
  log_.note("application " + std::to_string(generation_) + ": process " + std::to_string(scene_.driver->id()) + ", " +
            std::to_string(scene_.shape.executors) + " executors with " + std::to_string(scene_.shape.cores) + " cores and " +
            std::to_string(scene_.shape.memory_mib) + " MiB each");
  for (const auto begin = patience_; !ready_;) {
    turn();
    if (const auto status = scene_.driver->ended())
      throw broken_promise("the driver ended at its start: " + describe_status(*status));
    if (!patient(begin, start_max))
      throw broken_promise("the driver was not ready after " + std::to_string(start_max.count()) + " s without faults");
  }
  look_around(); // the proxies' sockets have to be there before the first job
  for (const auto& one : targets_)
    one->forget();
  wait_for_right_jobs(1);
  check_rest();
}

void session::run_episode(std::uint32_t number) {
  const auto plan = plan_episode(seed_, number, kinds_, options_.intensity);
  episode_begin_ = {number, scene_.driver ? generation_ : generation_ + 1, next_job_};
  log_.note(describe(plan));
  if (!scene_.driver)
    start_application();
  storm(plan);
  recover();
  ++summary_.episodes;
}

void session::storm(const episode& plan) {
  auto next = plan.faults.begin();
  std::vector<std::pair<milliseconds, const planned_fault*>> lasting;
  for (milliseconds now{0}; now < plan.length; now += last_turn_) {
    turn();
    if (scene_.driver->ended()) {
      heal();
      lasting.clear();
      end_of_driver();
      start_application();
      continue;
    }
    keep_busy(true);
    for (; next != plan.faults.end() && next->at <= now; ++next) {
      inject(*next);
      if (next->lasts.count() > 0)
        lasting.emplace_back(now + next->lasts, &*next);
    }
    std::erase_if(lasting, [&](const auto& one) {
      if (one.first > now)
        return false;
      lift(*one.second);
      return true;
    });
  }
}

void session::inject(const planned_fault& fault) {
  blame_.begin(fault.choice, fault.kind.may_cause, clock::now());
  const auto [done, what] = owner_of(fault).inject(fault, scene_);
  auto& counts = summary_.faults[fault.kind.name];
  ++(done ? counts.done : counts.not_done);
  log_.note((done ? "FAULT " : "NOT DONE: ") + fault.kind.name + (fault.lasts.count() > 0 ? " for " + in_seconds(fault.lasts) : "") + ": " +
            what);
  if (fault.lasts.count() == 0)
    blame_.end(fault.choice, clock::now());
}

void session::lift(const planned_fault& fault) {
  owner_of(fault).lift(fault, scene_);
  blame_.end(fault.choice, clock::now());
  log_.note("end of " + fault.kind.name);
}

void session::heal() {
  for (const auto& one : targets_)
    one->heal(scene_);
  blame_.end_all(clock::now());
  right_since_heal_ = 0;
  log_.note("all faults are healed");
}

void session::recover() {
  heal();
  const auto begin = clock::now();
  wait_for_right_jobs(right_jobs_after_faults);
  check_rest();
  const auto took = std::chrono::duration<double>(clock::now() - begin).count();
  summary_.slowest_recovery_seconds = std::max(summary_.slowest_recovery_seconds, took);
  log_.note("recovered");
}

void session::wait_for_right_jobs(std::uint32_t count) {
  right_since_heal_ = 0;
  for (auto begin = patience_; right_since_heal_ < count;) {
    turn();
    if (scene_.driver->ended()) {
      end_of_driver();
      start_application();
      begin = patience_;
      right_since_heal_ = 0;
      continue;
    }
    keep_busy(false);
    if (!patient(begin, recovery_max))
      throw broken_promise(std::to_string(right_since_heal_) + " jobs succeeded in the " + std::to_string(recovery_max.count()) +
                           " s after the last fault was healed" +
                           (job_ ? "; job " + std::to_string(job_->request.number) + " (" + job_->request.job + ") is running" : ""));
  }
  // Job and driver are idle now, as nothing else was asked for.
}

void session::check_rest() {
  for (const auto begin = patience_;;) {
    if (!turn())
      continue;
    if (scene_.driver->ended())
      throw broken_promise("the driver ended while nothing was going on");
    const auto found = problems();
    if (found.empty())
      return;
    if (!patient(begin, rest_max))
      throw broken_promise("not at rest " + std::to_string(rest_max.count()) + " s after jobs succeeded again: " + joined(found));
  }
}

std::vector<std::string> session::problems() {
  std::vector<std::string> all;
  for (const auto& one : targets_)
    for (auto& problem : one->problems(scene_))
      all.push_back(std::move(problem));
  return all;
}

void session::end_application() {
  if (!scene_.driver)
    return;
  scene_.driver->finish();
  scene_.expected_end = driver_end::asked;
  for (const auto begin = patience_; !scene_.driver->ended();) {
    turn();
    if (!patient(begin, burial_max))
      throw broken_promise("the driver did not end within " + std::to_string(burial_max.count()) + " s of being asked to");
  }
  end_of_driver();
}

void session::end_of_driver() {
  turn(); // what it said last
  const auto status = *scene_.driver->ended();
  log_.note("the driver ended: " + describe_status(status));
  if (scene_.expected_end == driver_end::none)
    throw broken_promise("the driver ended by itself: " + describe_status(status));
  if (scene_.expected_end == driver_end::asked && (status != 0 || !stopped_))
    throw broken_promise("asked to end, the driver ended with " + describe_status(status));
  wait_until_all_is_gone();
  check_output_left_behind();
  summary_.executors += static_cast<std::uint32_t>(executors_seen_.size());
  scene_.driver.reset();
  *driver_process_ = 0;
  messages_.clear();
  log_.note("nothing of the application is left");
}

void session::wait_until_all_is_gone() {
  for (const auto begin = patience_;;) {
    if (!turn())
      continue;
    const auto processes = descendants();
    const auto directories = scene_.application_directories();
    // Without a keeper a killed driver's directory stays until the next application comes.
    const bool may_stay = scene_.keeper_killed && scene_.expected_end == driver_end::killed;
    if (processes.empty() && (directories.empty() || may_stay))
      return;
    if (patient(begin, burial_max))
      continue;
    std::string left;
    for (const auto& one : processes)
      left += " process " + std::to_string(one.id) + " (" + one.name + ", " + one.state + ")";
    for (const auto& one : directories)
      left += " directory " + one.filename().string();
    throw broken_promise(std::to_string(burial_max.count()) + " s after the driver's end there is still" + left);
  }
}

void session::check_output_left_behind() {
  if (job_) {
    ++summary_.jobs[job_->request.job].cut_off;
    const auto directory = saved_path(places_.output, job_->request.number);
    if (const auto problem = check_abandoned(directory, static_cast<std::int64_t>(job_->request.seed & 0xfffff)); !problem.empty())
      throw broken_promise("after the driver's end: " + problem);
    fs::remove_all(directory);
  }
  job_.reset();
}

void session::write_all_stacks() const {
  for (const auto& one : descendants())
    if (one.state != 'Z' && write_stacks(one.id, places_.home / ("stacks-" + std::to_string(generation_) + "-" + std::to_string(one.id))))
      log_.note("stacks of process " + std::to_string(one.id) + " are written");
}

void session::abandon() {
  for (const auto& one : targets_)
    one->heal(scene_);
  for (auto left = descendants(); !left.empty(); left = descendants()) {
    for (const auto& one : left)
      process_handle(one.id).send(SIGKILL);
    bury_orphans(scene_.driver ? scene_.driver->id() : 0);
    if (scene_.driver && scene_.driver->ended() && left.size() == 1 && left[0].id == scene_.driver->id())
      break;
    ::usleep(10000);
  }
  scene_.driver.reset();
  *driver_process_ = 0;
  job_.reset();
  blame_ = {};
  messages_.clear();
  std::error_code ignored;
  for (const auto& parent : {places_.local, places_.output})
    for (const auto& entry : fs::directory_iterator(parent, ignored))
      fs::remove_all(entry.path(), ignored);
}

} // namespace chaos
