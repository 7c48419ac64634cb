#include <salamander/actors/launch/launched_driver.hpp>

#include <salamander/actors/cluster/master_line.hpp>
#include <salamander/actors/cluster/submitter.hpp>
#include <salamander/actors/launch/launch_board.hpp>
#include <salamander/rdd/error.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace salamander::actors {
namespace {

using clock = std::chrono::steady_clock;
using cluster::driver_state;

constexpr std::chrono::milliseconds look_every{500};
/// Of one question about the state: handles that ask for output wait behind it.
constexpr std::chrono::milliseconds one_answer_max{3000};

launch_progress progress_of(const cluster::application_summary& one) {
  const auto& p = one.progress;
  return {p.jobs_active, p.jobs_done, p.jobs_failed, p.stages_active, p.tasks_active, p.tasks_done, p.tasks_total, one.cores};
}

launch_state state_of(const cluster::driver_summary& driver, const cluster::application_summary* application) {
  switch (driver.state) {
  case driver_state::submitted:
    return launch_state::submitted;
  case driver_state::running:
    return application && application->state == cluster::application_state::running ? launch_state::running : launch_state::waiting;
  case driver_state::relaunching:
    return launch_state::waiting;
  case driver_state::finished:
    return launch_state::finished;
  case driver_state::killed:
    return launch_state::killed;
  case driver_state::failed:
  case driver_state::error:
    return launch_state::failed;
  }
  return launch_state::lost;
}

/// Asks how the driver is until it is over.
class driver_watcher final : public launch_watcher {
public:
  driver_watcher(const core::launch_request& request, const cluster_access& where)
      : answer_max_(request.answer_max), line_(where.credentials, masters_of(where.masters), request.answer_max) {}

  void submit(const submission& what) {
    std::vector<program_file> files;
    const auto description = describe(what, files);
    driver_ = line_.submit(random_token(), description, files);
    line_.answer_within(std::min(answer_max_, one_answer_max));
    heard_ = clock::now();
    board.update([&](launch_view& view) { view.driver = driver_; });
  }

  void run() override {
    while (!is_final(board.view().state) && !leaving()) {
      pass_on_kill();
      look();
      std::unique_lock lock(mutex_);
      changed_.wait_for(lock, look_every, [&] { return leaving_ || (kill_wanted_ && !kill_passed_on_); });
    }
  }
  void leave() override {
    const std::lock_guard lock(mutex_);
    leaving_ = true;
    changed_.notify_all();
  }
  void kill(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (!kill_wanted_)
      kill_wanted_ = reason;
    changed_.notify_all();
  }

  /// The last bytes that its worker has.
  std::string log(const char* stream, std::size_t bytes_max) {
    const std::lock_guard lock(line_mutex_);
    read_log what;
    what.id = driver_;
    what.stream = stream;
    what.offset = -static_cast<std::int64_t>(bytes_max);
    std::string text;
    for (std::uint64_t end = 0;;) {
      auto part = line_.read(what);
      if (text.empty())
        end = part.end;
      text += part.text;
      const auto next = part.offset + part.text.size();
      if (part.text.empty() || next >= end)
        return text;
      what.offset = static_cast<std::int64_t>(next);
    }
  }

  launch_board board;

private:
  bool leaving() {
    const std::lock_guard lock(mutex_);
    return leaving_;
  }

  void pass_on_kill() {
    std::string reason;
    {
      const std::lock_guard lock(mutex_);
      if (!kill_wanted_ || kill_passed_on_)
        return;
      reason = *kill_wanted_;
    }
    try {
      const std::lock_guard lock(line_mutex_);
      line_.kill(driver_, reason);
    } catch (const error& failure) {
      if (failure.code() != errc::invalid_argument) // else it is over already
        return;
    }
    const std::lock_guard lock(mutex_);
    kill_passed_on_ = true;
  }

  void look() {
    try {
      const auto now = [&] {
        const std::lock_guard lock(line_mutex_);
        return line_.status(driver_);
      }();
      heard_ = clock::now();
      note(now);
    } catch (const error& failure) {
      if (clock::now() - heard_ >= answer_max_)
        lose(failure.what());
    }
  }

  void note(const cluster::cluster_summary& now) {
    const auto driver = std::ranges::find(now.drivers, driver_, &cluster::driver_summary::driver);
    if (driver == now.drivers.end()) {
      // A master that has just begun may not have heard of it yet.
      if (now.state == cluster::master_state::leading)
        lose("the cluster does not know " + driver_ + " any more");
      return;
    }
    // Those that are not over come first, then the newest.
    const auto application = std::ranges::find(now.applications, driver_, &cluster::application_summary::submitted_as);
    const auto* const newest = application == now.applications.end() ? nullptr : &*application;
    board.update([&](launch_view& view) {
      view.state = state_of(*driver, newest);
      view.reason = driver->reason;
      if (newest) {
        view.application = newest->id;
        view.progress = progress_of(*newest);
      }
      // Of one that was killed, never ran, or was lost with its worker nobody knows it.
      if (driver->state == driver_state::finished || driver->state == driver_state::failed)
        view.exit_code = driver->exit_code;
    });
  }

  void lose(const std::string& reason) {
    board.update([&](launch_view& view) {
      view.state = launch_state::lost;
      view.reason = reason;
    });
  }

  const std::chrono::milliseconds answer_max_;
  std::string driver_;
  clock::time_point heard_; ///< the watcher's own
  std::mutex line_mutex_;   ///< one question at a time
  submitter line_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool leaving_ = false;
  std::optional<std::string> kill_wanted_; ///< with the reason
  bool kill_passed_on_ = false;
};

class launched_driver final : public core::launched {
public:
  launched_driver(std::shared_ptr<driver_watcher> watcher, const core::launch_request& request)
      : watcher_(std::move(watcher)), output_max_(request.output.bytes_max), errors_max_(request.errors.bytes_max) {}
  ~launched_driver() override {
    watcher_->board.deafen();
    watcher_->leave();
  }

  launch_state state() const override {
    return watcher_->board.view().state;
  }
  std::string application_id() const override {
    return watcher_->board.view().application;
  }
  std::string driver_id() const override {
    return watcher_->board.view().driver;
  }
  std::string reason() const override {
    return watcher_->board.view().reason;
  }
  launch_progress progress() const override {
    return watcher_->board.view().progress;
  }
  std::optional<int> exit_code() const override {
    return watcher_->board.view().exit_code;
  }
  std::string output() override {
    return watcher_->log("stdout", output_max_);
  }
  std::string errors() override {
    return watcher_->log("stderr", errors_max_);
  }
  launch_state wait() const override {
    return watcher_->board.wait();
  }
  bool wait_for(std::chrono::milliseconds time) const override {
    return watcher_->board.wait_for(time);
  }
  void cancel(std::chrono::milliseconds) override {
    watcher_->kill("it was cancelled by the program that launched it");
  }
  void kill() override {
    watcher_->kill("it was killed by the program that launched it");
  }
  void disconnect() override {
    watcher_->board.deafen();
    watcher_->board.update([](launch_view& view) {
      view.state = launch_state::lost;
      view.reason = "disconnected";
    });
    watcher_->leave();
  }
  void on_change(listener call) override {
    watcher_->board.listen(std::move(call));
  }

private:
  const std::shared_ptr<driver_watcher> watcher_;
  const std::size_t output_max_;
  const std::size_t errors_max_;
};

} // namespace

std::shared_ptr<core::launched> launch_driver(const core::launch_request& request, const submission& what) {
  if (!request.working_directory.empty())
    core::throw_error(errc::invalid_argument, "a driver on a cluster runs in a directory that its worker makes for it, not in " +
                                                  request.working_directory + "; add files that it needs");
  for (const auto* to : {&request.output, &request.errors})
    if (to->how != launch_output::kind::captured)
      core::throw_error(errc::invalid_argument,
                        "what a driver on a cluster prints is kept by its worker and cannot go anywhere else; read it "
                        "by output() and errors(), or by salamander logs");
  auto watcher = std::make_shared<driver_watcher>(request, cluster_of(what.settings));
  watcher->submit(what);
  auto handle = std::make_shared<launched_driver>(watcher, request);
  launch_threads::instance().run(std::move(watcher));
  return handle;
}

} // namespace salamander::actors
